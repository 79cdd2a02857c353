#!/bin/sh
# Called by mmdebstrap with a new root as $1: makes of a minimal Debian what all
# hosts of the lab have in common. What is a host's own (name, address, keys) is
# written into its overlay. LAB_PAM is yes for hosts with PAM and logind.
set -eu
root=$1

# Two accounts to log in to besides root. Their passwords are "*" and not the
# usual "!", because sshd without PAM refuses locked accounts.
for user in deploy nosudo; do
	chroot "$root" useradd --create-home --shell /bin/bash --password '*' "$user"
done
echo 'deploy ALL=(ALL:ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/deploy"
chmod 0440 "$root/etc/sudoers.d/deploy"

# One host key, each host's own; the lab's client key for every account.
rm -f "$root"/etc/ssh/ssh_host_*
cat >"$root/etc/ssh/sshd_config.d/lab.conf" <<CONF
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/lab_authorized_keys .ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM $LAB_PAM
CONF

# nspawn calls the host's end of its link host0.
cat >"$root/etc/systemd/system/lab-network.service" <<'UNIT'
[Unit]
Description=Address of this host on the lab's bridge
DefaultDependencies=no
Before=network.target ssh.service

[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=/etc/lab-network
ExecStart=ip link set lo up
ExecStart=ip address add ${ADDRESS} dev host0
ExecStart=ip link set host0 up
ExecStart=ip route add default via ${GATEWAY}

[Install]
WantedBy=sysinit.target
UNIT
chroot "$root" systemctl --quiet enable lab-network.service

# What no host of the lab has a use for, and would boot slower with.
chroot "$root" systemctl --quiet mask console-getty.service getty@.service \
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
	e2scrub_all.timer e2scrub_reap.service fstrim.timer
[ "$LAB_PAM" = yes ] || chroot "$root" systemctl --quiet mask systemd-logind.service

# Debian's archive cannot be reached from the bridge, nor a name server.
: >"$root/etc/apt/sources.list"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
rm -f "$root/etc/resolv.conf" "$root/etc/machine-id"
: >"$root/etc/resolv.conf"
: >"$root/etc/machine-id"
