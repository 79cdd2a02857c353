package simhost

import (
	"encoding/binary"
	"net/netip"
)

// addressAfter returns the IPv4 address n after base. One that does not exist
// comes out as an address outside of 127/8.
func addressAfter(base netip.Addr, n int) netip.Addr {
	next := uint64(number(base)) + uint64(max(n, 0))
	if next > 1<<32-1 {
		return netip.IPv4Unspecified()
	}
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(next))))
}

// distance is how far addr stands after base; negative if before it.
func distance(base, addr netip.Addr) int { return int(int64(number(addr)) - int64(number(base))) }

func number(a netip.Addr) uint32 {
	bytes := a.As4()
	return binary.BigEndian.Uint32(bytes[:])
}
