package page

import (
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks whose X-Forwarded-For we believe (TRUSTED_PROXIES).
type Proxies []netip.Prefix

// Client returns the address of the visitor: that of the connection, or, where a trusted proxy made it, the right-most
// forwarded address that is no trusted proxy. It serves limits only, and is never stored or logged.
func (p Proxies) Client(r *http.Request) netip.Addr {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	client := plain(remote.Addr())
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.trusts(client); i-- {
		hop, ok := parseHop(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		client = hop
	}
	return client
}

// parseHop reads an element of X-Forwarded-For: an address, which some proxies put in brackets or give a port.
func parseHop(text string) (netip.Addr, bool) {
	if both, err := netip.ParseAddrPort(text); err == nil {
		return plain(both.Addr()), true
	}
	if inside, ok := strings.CutPrefix(text, "["); ok {
		text = strings.TrimSuffix(inside, "]")
	}
	hop, err := netip.ParseAddr(text)
	return plain(hop), err == nil
}

// plain drops what keeps equal addresses from being equal: the zone (a network card of ours, and no prefix contains an
// address with one), and the wrapping of IPv4 in IPv6.
func plain(a netip.Addr) netip.Addr { return a.WithZone("").Unmap() }

func (p Proxies) trusts(a netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}
