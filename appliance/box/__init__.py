"""A flashed card's life: first boot, the inbox on its first partition, backups."""
