# boot_id sets $boot to which boot of the machine this is.
boot_id() { read -r boot </proc/sys/kernel/random/boot_id; }
