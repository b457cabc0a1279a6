"""The journey, one module a step, one public function each; knows no Flask and no SQL."""
