# boot_id prints which boot of the machine this is.
boot_id() { read -r id </proc/sys/kernel/random/boot_id && echo "$id"; }
