// Package web holds what the site is made of besides code: templates, style, drawings, content, statements, mail. All
// of it is embedded, so that the one binary needs no folder beside it.
package web

import "embed"

// FS holds the folders by their names: templates, static, content, privacy and mail.
//
//go:embed all:templates all:static all:content all:privacy all:mail
var FS embed.FS
