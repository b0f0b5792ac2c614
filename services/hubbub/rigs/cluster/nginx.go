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

// nginx returns the front end: nginx with the shipped nginx.conf and routes.conf, other folders and
// the addresses of the cluster.
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

// NGINX returns an nginx, not yet started, with the shipped routes to services at other addresses.
// dir holds its files; web is the folder of the page. NGINX passes to setURL the URL at which nginx
// will answer: an HTTPS one if env has HUBBUB_TLS=on, while the process's Addr stays that of plain
// HTTP. env holds variables for settings.sh, as NAME=value.
func NGINX(dir, web string, addrs map[string][]string, setURL func(url string), env ...string) (*Process, error) {
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
		// otherwise the workers run as a user who may not read a test's folders
		auto += " user root;"
	}
	moved := strings.NewReplacer(
		"/etc/nginx/hubbub", dir, "/usr/share/nginx/html", web,
		"/tmp/nginx", filepath.Join(dir, "tmp"), "/dev/stdout", filepath.Join(dir, "access.log"), "worker_processes auto;", auto,
		// All clients of a test share one address: lift the limits on rates.
		"rate=5r/s", "rate=1000r/s", "rate=100r/s", "rate=10000r/s",
	)
	var services strings.Builder
	for _, s := range []string{"edge", "history", "presence", "directory"} {
		fmt.Fprintf(&services, "upstream %ss {\n", s)
		for _, a := range addrs[s] {
			// nginx counts a WebSocket as a success only when it ends. Until then an address that
			// has failed once would get one socket per fail_timeout. As shipped, with names that
			// nginx looks up, it remembers no failure either.
			fmt.Fprintf(&services, "    server %s max_fails=0;\n", a)
		}
		fmt.Fprintf(&services, "}\nmap $host $hubbub_%s { default %ss; }\n", s, s)
	}
	files := map[string]string{"services.conf": services.String()}
	for _, name := range []string{"nginx.conf", "routes.conf", "table.conf", "files.conf", "page.conf", "policy.conf", "public.conf", "problem.conf"} {
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
		path = "/usr/sbin/nginx" // where Debian installs it; only root's path has that folder
	}
	setURL(url)
	return &Process{
		env:  settings.Env,
		Name: "nginx", Addr: listen, dir: dir, ready: listening(listen),
		orphan: syscall.SIGTERM, // its workers would outlive a SIGKILL of their master
		path:   path, args: []string{"-c", filepath.Join(dir, "nginx.conf"), "-e", filepath.Join(dir, "error.log")},
	}, nil
}

// Renew makes nginx load renewed certificates, as the image does, until the caller calls stop.
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
		// it cannot fail: only this function ends the process
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}, nil
}
