// Package sandbox runs this program once in a throw-away copy of the machine.
//
// In come this program's arguments and a seed; out come its output as it runs, its
// exit code, and every file that it added, modified or removed. The copy
// is an overlay of / and of each file system below it, whose upper layers live
// on a tmpfs in a mount namespace of its own: when the run ends, in whatever
// way, the kernel takes back the processes, the mounts and the files together.
// The package must never know what a seed is, nor what the program does inside.
//
// Three processes take part.
//
//   - The caller, in Run, only waits and reads the report.
//   - The keeper, PID 1 of a new PID and mount namespace, builds the tree, reaps
//     orphans and compares the layers at the end. It keeps root's privileges.
//   - The inside, the program itself, has all capabilities in a user namespace
//     that maps each id to itself, hence none over the host. Its mount namespace
//     belongs to that user namespace, so that every mount it finds is locked as
//     the keeper made it (mount_namespaces(7)): a read-only bind stays read-only,
//     nothing can be unmounted to uncover what lies beneath. It can set the
//     hostname, own files, change users and mount a tmpfs, for these are its
//     own; devices, modules, clock, kernel log, quota, swap and the host's
//     processes are not.
//
// What is known of its limits. RHEL 7 (kernel 3.10) has overlayfs since 7.2, but
// allows no user namespaces until user.max_user_namespaces is raised, which Run
// says. A container that moved its root over the host's mounts, as systemd-nspawn
// did before it used pivot_root, leaves them beneath; a hostile program inside,
// like one in that container, can then mount a second, writable sysfs. Memory
// and CPU are not limited, but for the tmpfs's half of the memory.
package sandbox
