package analytics

import (
	"net/url"
	"regexp"
	"strings"
)

// hostOf returns the host of a referrer and nothing else of it; direct for our own, other for what is no public name. A
// number is the address of a computer, and a name of one word is one inside somebody's house: neither is kept.
func hostOf(referrer, own string) string {
	if referrer == "" {
		return direct
	}
	u, err := url.Parse(referrer)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return other
	}
	host := plainHost(u.Hostname())
	switch {
	case host == own:
		return direct
	case len(host) > maxHost || !publicName.MatchString(host):
		return other
	}
	return host
}

const maxHost = 100

var publicName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$`)

// plainHost is a host in one spelling.
func plainHost(host string) string {
	return strings.TrimPrefix(strings.TrimSuffix(strings.ToLower(host), "."), "www.")
}

// isBot tells programs from people by what programs say of themselves. Those that say they are a person's browser are
// counted as one.
func isBot(agent string) bool {
	if !strings.HasPrefix(agent, "Mozilla/") && !strings.HasPrefix(agent, "Opera/") {
		return true
	}
	for _, word := range [...]string{
		"bot", "Bot", "BOT", "crawl", "Crawl", "pider", "Headless", "Lighthouse", "preview", "Preview", "http:", "https:",
	} {
		if strings.Contains(agent, word) {
			return true
		}
	}
	return false
}
