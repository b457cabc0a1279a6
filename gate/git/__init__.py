"""Git, asked by running git: bare mirrors of registered repositories, and the hook's installation."""
