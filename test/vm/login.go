package vm

import "time"

// Login logs in on the console, as a person does, and out again.
func (r *Running) Login(user, password string) {
	r.t.Helper()
	// The prompt may have come and gone under the boot's last messages.
	r.Console.Skip()
	r.Console.Send("\r")
	r.WaitConsole("login: ")
	r.Console.Send(user + "\r")
	r.WaitConsole("assword: ")
	// login throws away what was typed before it had switched the echo off.
	time.Sleep(time.Second)
	r.Console.Send(password + "\r")
	r.WaitConsole("# ")
	r.Console.Send("echo logged in as $(id -un)\r")
	r.WaitConsole("logged in as " + user) // the echo of the command has $(id -un) there
	r.Console.Send("exit\r")
}
