package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// insideVar tells the copy of this program that measures the folder of the servers' binaries.
const insideVar = "HUBBUB_BENCH_BIN"

// spareFiles is how many files a process opens besides clients' sockets.
const spareFiles = 500

func inside() bool { return os.Getenv(insideVar) != "" }

// raiseFileLimit raises the limit of open files to its maximum, also for the servers, and returns
// how many sockets a process can have then.
func raiseFileLimit() (int, error) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return 0, fmt.Errorf("limit of open files: %w", err)
	}
	// With package syscall, not unix: only then does the runtime pass the limit on to child
	// processes.
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: l.Max, Max: l.Max}); err != nil {
		return 0, fmt.Errorf("limit of open files: %w", err)
	}
	// more show nothing new, and need more than one loopback address at both ends
	const most = 100_000
	return min(int(min(l.Max, most+spareFiles))-spareFiles, most), nil
}

// enter runs this program again for the measurement: in a network namespace of its own, if it may
// create one, so that the machine's firewall and connection tracking play no part.
func enter(bin string) error {
	run := func(attributes *syscall.SysProcAttr) error {
		cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		cmd.Env = append(os.Environ(), insideVar+"="+bin)
		cmd.SysProcAttr = attributes
		if err := cmd.Start(); err != nil {
			return fmt.Errorf("start: %w", err)
		}
		if err := cmd.Wait(); err != nil {
			os.Exit(1) // the copy has printed why
		}
		return nil
	}
	own := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		own.Cloneflags |= syscall.CLONE_NEWUSER
		own.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		own.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	runtime.LockOSThread() // the child ends with this thread
	err := run(own)
	if err == nil {
		return nil
	}
	fmt.Fprintf(os.Stderr, "no network namespace of our own (%v): measuring in the machine's\n", err)
	return run(&syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL})
}

// loopbackUp turns the loopback interface on, which is off in a new network namespace.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("loopback interface: %w", err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, lo); err != nil {
		return fmt.Errorf("loopback interface: %w", err)
	}
	if lo.Uint16()&unix.IFF_UP != 0 {
		return nil
	}
	lo.SetUint16(lo.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("turn the loopback interface on: %w", err)
	}
	// A long queue, because clients may connect faster than a server accepts; and ephemeral ports
	// above those that freeport returns.
	for file, value := range map[string]string{"net/core/somaxconn": "65535", "net/ipv4/ip_local_port_range": "32768 65535"} {
		if err := os.WriteFile("/proc/sys/"+file, []byte(value), 0); err != nil {
			fmt.Fprintf(os.Stderr, "%s is unchanged: %v\n", file, err)
		}
	}
	return nil
}

// cores returns the core of the measured server, and moves this process to the others. Empty: there
// is only one core.
func cores() (server, others string, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return "", "", fmt.Errorf("cores: %w", err)
	}
	var all []string
	for i := range 1024 {
		if set.IsSet(i) {
			all = append(all, strconv.Itoa(i))
		}
	}
	if len(all) < 2 {
		return "", "", nil
	}
	server, others = all[0], strings.Join(all[1:], ",")
	// All threads of now; later ones inherit it.
	if out, err := exec.Command("taskset", "-a", "-p", "-c", others, strconv.Itoa(os.Getpid())).CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("taskset: %w: %s", err, out)
	}
	return server, others, nil
}

// machine describes the machine: cores, memory, kernel.
func machine() string {
	var u unix.Utsname
	_ = unix.Uname(&u)
	var i unix.Sysinfo_t
	_ = unix.Sysinfo(&i)
	release, _, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), "-")
	return fmt.Sprintf("%d cores, %d GiB of memory, Linux %s, %s", runtime.NumCPU(), (i.Totalram*uint64(i.Unit)+1<<29)>>30, release, runtime.GOARCH)
}
