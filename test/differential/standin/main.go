// Command standin stands for every program of a root in which two agents are compared: it
// records how it was called, and does the little that an agent sees of the real program.
//
// In come an argument list and standard input, out go a line of JSON in /standin/calls, and
// what /standin/answers or this program knows of the real program's effect. It never does
// anything outside of its root, and knows neither agent.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Call is a line of the record.
type Call struct {
	Argv   []string `json:"argv"`
	Stdin  string   `json:"stdin,omitempty"`
	Env    []string `json:"env,omitempty"`
	Script string   `json:"script,omitempty"` // what a shell was to run
}

// Answer is what a program says when its arguments begin so; the longest that fits counts.
type Answer struct {
	Prefix string `json:"prefix"`
	Exit   int    `json:"exit"`
	Stdout string `json:"stdout"`
}

const (
	calls   = "/standin/calls"
	answers = "/standin/answers"
)

// known are the variables that an agent gives its commands on purpose.
var known = []string{"INSTANCE_ID", "RANDOM_SEED_FILE", "DEBIAN_FRONTEND"}

func main() {
	name := filepath.Base(os.Args[0])
	args := os.Args[1:]
	if name == "boot" {
		boot(args)
		return
	}
	call := Call{Argv: append([]string{name}, args...)}
	input, err := read(os.Stdin)
	must(err)
	call.Stdin = string(input)
	for _, variable := range known {
		if value, ok := os.LookupEnv(variable); ok {
			call.Env = append(call.Env, variable+"="+value)
		}
	}
	if slices.Contains(shells, name) {
		for _, arg := range args {
			if data, err := os.ReadFile(arg); err == nil {
				call.Script = string(data)
				break
			}
		}
	}
	record(call)
	effect := effects[name]
	switch answer, found := answered(strings.Join(call.Argv, " ")); {
	case found:
		fmt.Print(answer.Stdout)
		os.Exit(answer.Exit)
	case effect != nil:
		os.Exit(effect(args, string(input)))
	}
}

// read reads all of the input, and of a terminal one line: who types waits for no end.
func read(in *os.File) ([]byte, error) {
	if _, err := unix.IoctlGetTermios(int(in.Fd()), unix.TCGETS); err != nil {
		return io.ReadAll(in)
	}
	if _, err := fmt.Fprint(in, "Password: "); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(in).ReadBytes('\n')
	return line, err
}

var shells = []string{"sh", "bash", "python3", "perl"}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "standin:", err)
		os.Exit(125)
	}
}

func record(call Call) {
	line, err := json.Marshal(call)
	must(err)
	f, err := os.OpenFile(calls, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	must(err)
	_, err = f.Write(append(line, '\n'))
	must(err)
	must(f.Close())
}

// boot gives the kernel a hostname and a root a console, and runs a program in the root once
// with each of the argument lists; it writes down the hostname that is left. The program's exit
// codes are not looked at: it says what failed elsewhere.
func boot(args []string) {
	name, root, console, program, stages := args[0], args[1], args[2], args[3], args[4:]
	must(unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	must(unix.Mount(console, root+"/dev/console", "", unix.MS_BIND, ""))
	must(unix.Mount("/dev/pts", root+"/dev/pts", "", unix.MS_BIND, ""))
	must(unix.Chroot(root))
	must(os.Chdir("/"))
	must(unix.Sethostname([]byte(name)))
	listen()
	for _, stage := range stages {
		cmd := exec.Command(program, strings.Fields(stage)...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			must(err)
		}
		if !cmd.ProcessState.Exited() {
			must(fmt.Errorf("%s %s: %s", program, stage, cmd.ProcessState))
		}
	}
	left, err := os.Hostname()
	must(err)
	must(os.WriteFile("/standin/hostname", []byte(left+"\n"), 0o644))
}

// answered gives the answer that the test wrote, if there is one.
func answered(line string) (Answer, bool) {
	data, err := os.ReadFile(answers)
	if err != nil {
		return Answer{}, false
	}
	var list []Answer
	must(json.Unmarshal(data, &list))
	best := -1
	for i, a := range list {
		if strings.HasPrefix(line, a.Prefix) && (best < 0 || len(a.Prefix) > len(list[best].Prefix)) {
			best = i
		}
	}
	if best < 0 {
		return Answer{}, false
	}
	return list[best], true
}

// effects are what the real programs do that an agent sees, by their names.
var effects = map[string]func(args []string, input string) int{
	"getent":      getent,
	"groupadd":    groupadd,
	"useradd":     useradd,
	"usermod":     usermod,
	"gpasswd":     usermod,
	"passwd":      passwd,
	"hostname":    hostname,
	"hostnamectl": hostnamectl,
	"ssh-keygen":  sshKeygen,
	"fallocate":   fallocate,
	"dd":          dd,
	"chpasswd":    chpasswd,
	"sshd":        sshd,
	"systemctl":   systemctl,
	"ps":          func([]string, string) int { return 0 },
	"mount":       mount,

	"ansible-pull":         ansiblePull,
	"puppet":               puppet,
	"subscription-manager": subscriptionManager,
}

func append1(path, line string, perm os.FileMode) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, perm)
	must(err)
	_, err = f.WriteString(line)
	must(err)
	must(f.Close())
}

func entries(database string) [][]string {
	data, err := os.ReadFile("/etc/" + database)
	must(err)
	var all [][]string
	for line := range strings.Lines(string(data)) {
		all = append(all, strings.Split(strings.TrimSuffix(line, "\n"), ":"))
	}
	return all
}

func find(database, name string) []string {
	for _, e := range entries(database) {
		if e[0] == name || len(e) > 2 && e[2] == name {
			return e
		}
	}
	return nil
}

// next is the first number from 1000 on that an entry may have.
func next(database string, system bool) int {
	free := 1000
	if system {
		free = 500
	}
	for _, e := range entries(database) {
		if id, err := strconv.Atoi(e[2]); err == nil && id >= free && (id < 1000) == system {
			free = id + 1
		}
	}
	return free
}

func getent(args []string, _ string) int {
	if len(args) < 2 || args[0] != "passwd" && args[0] != "group" && args[0] != "shadow" {
		return 2
	}
	e := find(args[0], args[1])
	if e == nil {
		return 2
	}
	fmt.Println(strings.Join(e, ":"))
	return 0
}

// valued are the options of useradd, usermod and groupadd that have a value behind them.
var valued = map[string]string{
	"--comment": "comment", "-c": "comment", "--home": "home", "--home-dir": "home", "-d": "home", "--gid": "gid", "-g": "gid",
	"--uid": "uid", "-u": "uid", "--groups": "groups", "-G": "groups", "--password": "password", "-p": "password", "--shell": "shell",
	"-s": "shell", "--expiredate": "", "-e": "", "--inactive": "", "-f": "", "--selinux-user": "", "-Z": "", "-K": "",
}

func parse(args []string) (options map[string]string, flags, operands []string) {
	options = map[string]string{}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		name, value, inline := strings.Cut(arg, "=")
		key, known := valued[name]
		switch {
		case known && strings.HasPrefix(arg, "--") && inline:
			options[key] = value
		case known && !inline && i+1 < len(args):
			i++
			options[key] = args[i]
		case arg == "--":
			return options, flags, append(operands, args[i+1:]...)
		case strings.HasPrefix(arg, "-"):
			flags = append(flags, arg)
		default:
			operands = append(operands, arg)
		}
	}
	return options, flags, operands
}

func groupadd(args []string, _ string) int {
	options, flags, operands := parse(args)
	if len(operands) != 1 {
		return 2
	}
	if find("group", operands[0]) != nil {
		fmt.Fprintf(os.Stderr, "groupadd: group '%s' already exists\n", operands[0])
		return 9
	}
	id := options["gid"]
	if id == "" {
		id = strconv.Itoa(next("group", slices.Contains(flags, "-r") || slices.Contains(flags, "--system")))
	}
	append1("/etc/group", operands[0]+":x:"+id+":\n", 0o644)
	return 0
}

func useradd(args []string, _ string) int {
	options, flags, operands := parse(args)
	if len(operands) != 1 || operands[0] == "" || strings.ContainsAny(operands[0], ":\n/ ") {
		fmt.Fprintln(os.Stderr, "useradd: invalid user name")
		return 3
	}
	name := operands[0]
	if find("passwd", name) != nil {
		fmt.Fprintf(os.Stderr, "useradd: user '%s' already exists\n", name)
		return 9
	}
	for group := range strings.SplitSeq(options["groups"], ",") {
		if group != "" && find("group", group) == nil {
			fmt.Fprintf(os.Stderr, "useradd: group '%s' does not exist\n", group)
			return 6
		}
	}
	system := slices.Contains(flags, "--system") || slices.Contains(flags, "-r")
	uid := options["uid"]
	if uid == "" {
		uid = strconv.Itoa(next("passwd", system))
	}
	gid := options["gid"]
	switch group := find("group", gid); {
	case gid != "" && group == nil:
		fmt.Fprintf(os.Stderr, "useradd: group '%s' does not exist\n", gid)
		return 6
	case gid != "":
		gid = group[2]
	case slices.Contains(flags, "--no-user-group") || slices.Contains(flags, "-N"):
		gid = "100"
	default:
		gid = strconv.Itoa(next("group", system))
		append1("/etc/group", name+":x:"+gid+":\n", 0o644)
	}
	home, shell := options["home"], options["shell"]
	if home == "" {
		home = "/home/" + name
	}
	if shell == "" {
		shell = "/bin/bash"
	}
	password := options["password"]
	if password == "" {
		password = "!!"
	}
	append1("/etc/passwd", strings.Join([]string{name, "x", uid, gid, options["comment"], home, shell}, ":")+"\n", 0o644)
	append1("/etc/shadow", name+":"+password+":20000:0:99999:7:::\n", 0o600)
	join(name, options["groups"])
	if slices.Contains(flags, "-m") || slices.Contains(flags, "--create-home") {
		must(os.MkdirAll(home, 0o700))
		u, _ := strconv.Atoi(uid)
		g, _ := strconv.Atoi(gid)
		must(os.Chown(home, u, g))
	}
	return 0
}

// join makes a user a member of groups.
func join(name, groups string) {
	all := entries("group")
	for group := range strings.SplitSeq(groups, ",") {
		for _, e := range all {
			if e[0] != group || len(e) < 4 || slices.Contains(strings.Split(e[3], ","), name) {
				continue
			}
			e[3] = strings.TrimPrefix(e[3]+","+name, ",")
		}
	}
	write("group", all)
}

func write(database string, all [][]string) {
	var b strings.Builder
	for _, e := range all {
		b.WriteString(strings.Join(e, ":") + "\n")
	}
	must(os.WriteFile("/etc/"+database, []byte(b.String()), 0o644))
}

func usermod(args []string, _ string) int {
	options, _, operands := parse(args)
	if len(operands) < 1 || find("passwd", operands[0]) == nil {
		return 6
	}
	for group := range strings.SplitSeq(options["groups"], ",") {
		if group != "" && find("group", group) == nil {
			return 6
		}
	}
	join(operands[0], options["groups"])
	return 0
}

// passwd locks, unlocks and expires accounts.
func passwd(args []string, _ string) int {
	if len(args) == 0 || find("passwd", args[len(args)-1]) == nil {
		fmt.Fprintln(os.Stderr, "passwd: Unknown user name.")
		return 1
	}
	name, flags := args[len(args)-1], args[:len(args)-1]
	all := entries("shadow")
	for _, e := range all {
		switch {
		case e[0] != name || len(e) < 2:
		case slices.Contains(flags, "-l") && !strings.HasPrefix(e[1], "!"):
			e[1] = "!!" + e[1]
		case slices.Contains(flags, "-d"):
			e[1] = ""
		case slices.Contains(flags, "-u"):
			if strings.Trim(e[1], "!") == "" {
				fmt.Fprintln(os.Stderr, "passwd: Warning: unlocked password would be empty.")
				return 254
			}
			e[1] = strings.TrimLeft(e[1], "!")
		}
	}
	write("shadow", all)
	must(os.Chmod("/etc/shadow", 0o600))
	return 0
}

// chpasswd sets the passwords of its input; one that is no hash becomes what tells so.
func chpasswd(args []string, input string) int {
	all := entries("shadow")
	code := 0
	for line := range strings.Lines(input) {
		name, password, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		found := false
		for _, e := range all {
			if e[0] != name || len(e) < 2 {
				continue
			}
			found = true
			if e[1] = password; !slices.Contains(args, "-e") {
				e[1] = "hash of " + strconv.Quote(password)
			}
		}
		if !found {
			fmt.Fprintf(os.Stderr, "chpasswd: (user %s) does not exist\n", name)
			code = 1
		}
	}
	if code == 0 {
		write("shadow", all)
		must(os.Chmod("/etc/shadow", 0o600))
	}
	return code
}

func hostname(args []string, _ string) int {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		must(unix.Sethostname([]byte(args[0])))
		return 0
	}
	name, err := os.Hostname()
	must(err)
	fmt.Println(name)
	return 0
}

func hostnamectl(args []string, _ string) int {
	transient := slices.Contains(args, "--transient")
	if len(args) < 2 || args[0] != "set-hostname" {
		return 0
	}
	name := args[len(args)-1]
	if !transient {
		must(os.WriteFile("/etc/hostname", []byte(name+"\n"), 0o644))
	}
	must(unix.Sethostname([]byte(name)))
	return 0
}

// sshKeygen makes files that tell the type of the key that they stand for.
func sshKeygen(args []string, _ string) int {
	value := func(option string) string {
		if i := slices.Index(args, option); i >= 0 && i+1 < len(args) {
			return args[i+1]
		}
		return ""
	}
	file := value("-f")
	for _, arg := range args {
		if f, ok := strings.CutPrefix(arg, "-yf"); ok && f != "" {
			file = f
		}
	}
	if i := slices.Index(args, "-yf"); i >= 0 && i+1 < len(args) {
		file = args[i+1]
	}
	kind := value("-t")
	switch {
	case kind != "" && file != "":
		must(os.WriteFile(file, []byte("PRIVATE "+kind+"\n"), 0o600))
		must(os.WriteFile(file+".pub", []byte("ssh-"+kind+" AAAAB3NzaC1"+kind+"\n"), 0o644))
	case slices.Contains(args, "-y") || slices.Contains(args, "-yf"):
		data, err := os.ReadFile(file)
		if err != nil {
			return 255
		}
		fmt.Printf("ssh-public of-%d-bytes\n", len(data))
	case slices.Contains(args, "-l") || slices.Contains(args, "-lf"):
		fmt.Println("256 SHA256:0000000000000000000000000000000000000000000 nobody (ED25519)")
	}
	return 0
}

func fallocate(args []string, _ string) int {
	file := args[len(args)-1]
	for i, arg := range args {
		if size, ok := sizeOf(arg); ok && i > 0 && (args[i-1] == "-l" || args[i-1] == "--length") {
			f, err := os.Create(file)
			must(err)
			must(f.Truncate(size))
			must(f.Close())
		}
	}
	return 0
}

func sizeOf(text string) (int64, bool) {
	unit := int64(1)
	for suffix, factor := range map[string]int64{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if number, ok := strings.CutSuffix(text, suffix); ok {
			text, unit = number, factor
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n * unit, err == nil
}

func dd(args []string, _ string) int {
	var file string
	size, count := int64(512), int64(0)
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "of":
			file = value
		case "bs":
			size, _ = sizeOf(value)
		case "count":
			count, _ = sizeOf(value)
		}
	}
	if file != "" {
		f, err := os.Create(file)
		must(err)
		must(f.Truncate(size * count))
		must(f.Close())
	}
	return 0
}

func sshd([]string, string) int {
	fmt.Fprintln(os.Stderr, "OpenSSH_8.7p1, OpenSSL 3.0.7 1 Nov 2022")
	return 0
}

// mount lists the file systems; it mounts none.
func mount(args []string, _ string) int {
	if len(args) == 0 {
		fmt.Println("/dev/vda1 on / type xfs (rw,relatime)")
	}
	return 0
}

// subscriptionManager has two pools and two repositories.
func subscriptionManager(args []string, _ string) int {
	const registered = "/standin/registered"
	_, err := os.Stat(registered)
	switch line := strings.Join(args, " "); {
	case strings.HasPrefix(line, "identity") && err != nil:
		return 1
	case strings.HasPrefix(line, "register"):
		must(os.WriteFile(registered, nil, 0o644))
		fmt.Println("The system has been registered with ID: 0123-4567")
	case strings.HasPrefix(line, "list --available"):
		fmt.Print("p1\np2\n")
	case strings.HasPrefix(line, "repos --list-enabled"):
		fmt.Print("Repo ID:   r2\nRepo Name: R\n")
	case strings.HasPrefix(line, "repos --list-disabled"):
		fmt.Print("Repo ID:   r1\nRepo Name: R\n")
	case strings.HasPrefix(line, "status"):
		fmt.Println("Overall Status: Current")
	}
	return 0
}

// systemctl answers that what is asked for runs.
func systemctl(args []string, _ string) int {
	if slices.Contains(args, "status") || slices.Contains(args, "is-active") {
		fmt.Println("active")
	}
	switch {
	case slices.Contains(args, "show") && slices.Contains(args, "--value"):
		fmt.Println("active")
	case slices.Contains(args, "show"):
		fmt.Println("ActiveState=active")
	}
	return 0
}

// ansiblePull says its version.
func ansiblePull(args []string, _ string) int {
	if slices.Contains(args, "--version") {
		fmt.Println("ansible-pull [core 2.14.18]")
	}
	return 0
}

// puppet says where Puppet's own package has its files.
func puppet(args []string, _ string) int {
	if len(args) == 3 && args[0] == "config" && args[1] == "print" {
		fmt.Println(map[string]string{
			"config": "/etc/puppetlabs/puppet/puppet.conf", "ssldir": "/etc/puppetlabs/puppet/ssl",
			"csr_attributes": "/etc/puppetlabs/puppet/csr_attributes.yaml",
		}[args[2]])
	}
	return 0
}
