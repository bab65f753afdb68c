// Package media finds the attached media that may carry a seed and reads
// them without giving the kernel or root's address space to them. In: block
// devices (or image files). Out: filesystem type, label, and a read-only
// fs.FS of a volume. Content is parsed in a child process that can do nothing
// else. It must never know what a seed is, which labels matter, or cloud-config.
package media
