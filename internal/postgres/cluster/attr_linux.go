package cluster

import "syscall"

// procAttr drops root for the account, keeps the terminal's signals away, and has the kernel send
// orphaned when the thread that started the process goes (0: nothing).
func procAttr(a *account, orphaned syscall.Signal) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: orphaned}
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}
