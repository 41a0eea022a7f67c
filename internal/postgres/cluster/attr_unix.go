//go:build unix && !linux

package cluster

import "syscall"

// procAttr drops root for the account and keeps the terminal's signals away. Only Linux can end an
// orphan by itself; elsewhere the next start does.
func procAttr(a *account, _ syscall.Signal) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}
