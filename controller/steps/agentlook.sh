# Prints what a host knows of its agent: its public key, which is made if there is
# none, and the token that it has. Prints "none" where no agent is installed.
set -eu
if [ ! -x "${APTFLEET_ROOT:-}/usr/bin/aptfleet-agent" ]; then
	echo none
	exit 0
fi
"${APTFLEET_ROOT:-}/usr/bin/aptfleet-agent" identity
token=${APTFLEET_ROOT:-}/etc/aptfleet-agent/agent.jwt
if [ -f "$token" ]; then
	head -c 8192 "$token"
fi
