"""Files of other systems become payments over the public API: formats, order, progress, and balances compared with the file's."""
