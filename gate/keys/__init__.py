"""Where private keys live. Files for now; nothing else in the gate ever holds one."""
