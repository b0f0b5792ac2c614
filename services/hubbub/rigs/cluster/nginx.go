package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"hubbub.internal/libs/checkout"
)

// nginx returns the front: the shipped nginx.conf and routes.conf, with other folders and the
// addresses of the cluster.
func (c *Cluster) nginx() (*Process, error) {
	addrs := map[string][]string{}
	for _, p := range c.order {
		if p.Addr != "" {
			service, _, _ := strings.Cut(p.Name, "-")
			addrs[service] = append(addrs[service], p.Addr)
		}
	}
	return NGINX(filepath.Join(c.cfg.Dir, "front"), c.cfg.Web, addrs, func(url string) { c.URL = url })
}

// NGINX returns an nginx, not yet started, with the shipped routes in front of services at other
// addresses. dir is for its files, web the folder of the page. told is given the URL at which it
// will answer: by HTTPS with HUBBUB_TLS=on, while the process's Addr is that of plain HTTP. env are
// variables, as NAME=value, for settings.sh.
func NGINX(dir, web string, addrs map[string][]string, told func(url string), env ...string) (*Process, error) {
	root, err := checkout.Root()
	if err != nil {
		return nil, err
	}
	if web == "" {
		web = filepath.Join(dir, "html")
	}
	for _, d := range []string{dir, filepath.Join(dir, "html"), filepath.Join(dir, "tmp")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, fmt.Errorf("folder of nginx: %w", err)
		}
	}
	listen := fmt.Sprintf("127.0.0.1:%d", freePort())
	auto := "worker_processes 1; daemon off;"
	if os.Geteuid() == 0 {
		auto += " user root;" // else the workers are somebody who may not read a test's folders
	}
	moved := strings.NewReplacer(
		"/etc/nginx/hubbub", dir, "/usr/share/nginx/html", web,
		"/tmp/nginx", filepath.Join(dir, "tmp"), "/dev/stdout", filepath.Join(dir, "access.log"), "worker_processes auto;", auto,
		// Every client of a test has the same address.
		"rate=5r/s", "rate=1000r/s", "rate=100r/s", "rate=10000r/s",
	)
	var services strings.Builder
	for _, s := range []string{"edge", "history", "presence", "directory"} {
		fmt.Fprintf(&services, "upstream %ss {\n", s)
		for _, a := range addrs[s] {
			// nginx counts a WebSocket as a success when it ends: an address that has failed once
			// would get one socket per fail_timeout until then. Where names are looked up, as
			// shipped, it remembers no failure either.
			fmt.Fprintf(&services, "    server %s max_fails=0;\n", a)
		}
		fmt.Fprintf(&services, "}\nmap $host $hubbub_%s { default %ss; }\n", s, s)
	}
	files := map[string]string{"services.conf": services.String()}
	for _, name := range []string{"nginx.conf", "routes.conf", "table.conf", "files.conf", "page.conf", "public.conf", "problem.conf"} {
		b, err := os.ReadFile(filepath.Join(root, "infra/nginx", name))
		if err != nil {
			return nil, fmt.Errorf("nginx configuration: %w", err)
		}
		files[name] = moved.Replace(string(b))
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, fmt.Errorf("nginx configuration: %w", err)
		}
	}
	url, ports := "http://"+listen, []string{"PORT=" + listen}
	if slices.Contains(env, "HUBBUB_TLS=on") {
		secure := fmt.Sprintf("127.0.0.1:%d", freePort())
		url, ports = "https://"+secure, append(ports, "SECURE_PORT="+secure)
	}
	settings := exec.Command("sh", filepath.Join(root, "infra/nginx/settings.sh"))
	settings.Env = append(os.Environ(), "DIR="+filepath.Join(dir, "tmp"), "CONF="+dir, "HUBBUB_IPV6=off", "PATH="+os.Getenv("PATH")+":/usr/sbin")
	settings.Env = append(append(settings.Env, ports...), env...)
	if out, err := settings.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("nginx settings: %w: %s", err, out)
	}
	path, err := exec.LookPath("nginx")
	if err != nil {
		path = "/usr/sbin/nginx" // Debian's place for it, which is on root's path only
	}
	told(url)
	return &Process{
		env:  settings.Env,
		Name: "nginx", Addr: listen, dir: dir, ready: listening(listen),
		orphan: syscall.SIGTERM, // its workers would outlive a SIGKILL of their master
		path:   path, args: []string{"-c", filepath.Join(dir, "nginx.conf"), "-e", filepath.Join(dir, "error.log")},
	}, nil
}

// Renew makes an nginx take new certificates, as the image does, until stop is called.
func Renew(nginx *Process) (stop func(), err error) {
	root, err := checkout.Root()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("sh", filepath.Join(root, "infra/nginx/renew.sh"), "stay")
	cmd.Env = append(slices.Clone(nginx.env), "EVERY=0.1", "SETTINGS="+filepath.Join(root, "infra/nginx/settings.sh"))
	log, err := os.OpenFile(nginx.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("log of nginx: %w", err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, childAttributes(0)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("follow the certificate of nginx: %w", err)
	}
	return func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it cannot fail: nobody else ends it
		_ = cmd.Wait()
	}, nil
}
