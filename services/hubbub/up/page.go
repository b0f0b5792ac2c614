package up

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"hubbub.internal/libs/api/httpapi"
)

// page serves the built page from a folder. Beside files that compress well the build puts
// compressed ones, which page serves to clients that accept them.
type page struct {
	root fs.FS
	tags sync.Map // file name to tag; at most one per file
}

// A tag is the ETag of a file, and the time and size of the file that it is for.
type tag struct {
	size    int64
	changed time.Time
	value   string
}

// encodings are the content codings that the build makes, the smallest first, and the endings of
// their files.
var encodings = []struct{ name, ending string }{{"br", ".br"}, {"gzip", ".gz"}}

// element is the script that pages of other sites load.
const element = "hubbub-chat.js"

// newPage serves the built page from a folder. Files under assets are named by their content and
// may be kept for ever.
func newPage(dir string) http.Handler {
	if dir == "" || dir == noPage {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { noSuchPage(w) })
	}
	return &page{root: os.DirFS(dir)}
}

// ServeHTTP implements http.Handler.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		httpapi.WriteStatus(w, http.StatusMethodNotAllowed, "this is a page: it can be read")
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = "index.html"
	}
	// Serve only regular files: http.FileServer would list a folder or redirect to it.
	info, ok := p.regular(name)
	if !ok || r.URL.Path != "/" && strings.HasSuffix(r.URL.Path, "/") {
		noSuchPage(w)
		return
	}
	file, size, coding, varies := name, info.Size(), "", false
	for _, e := range p.compressed(name, info) {
		if varies = true; coding == "" && accepts(r.Header.Values("Accept-Encoding"), e.name) {
			file, size, coding = name+e.ending, e.info.Size(), e.name
		}
	}
	if varies {
		h.Add("Vary", "Accept-Encoding")
	}
	f, err := p.root.Open(file)
	if err != nil {
		noSuchPage(w)
		return
	}
	defer func() { _ = f.Close() }()
	content, ok := f.(io.ReadSeeker)
	if !ok {
		noSuchPage(w)
		return
	}
	if value := p.tag(file, content); value != "" {
		h.Set("ETag", value)
	}
	h.Set("Content-Type", contentType(name))
	if coding != "" {
		h.Set("Content-Encoding", coding)
		if r.Header.Get("Range") == "" { // ServeContent sets no length with a content coding
			h.Set("Content-Length", strconv.FormatInt(size, 10))
		}
	}
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if strings.HasPrefix(name, "assets/") || name == element {
		// Pages of other sites load the element of docs/embed.md: it contains nothing secret, and
		// --origins decides what it may do.
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	http.ServeContent(w, r, name, info.ModTime(), content)
}

func (p *page) regular(name string) (fs.FileInfo, bool) {
	info, err := fs.Stat(p.root, name)
	return info, err == nil && info.Mode().IsRegular()
}

// A variant is a file in a content coding.
type variant struct {
	name, ending string
	info         fs.FileInfo
}

// compressed returns the variants of a file, without those that are older than the file: they are
// from another build.
func (p *page) compressed(name string, of fs.FileInfo) []variant {
	var all []variant
	for _, e := range encodings {
		if info, ok := p.regular(name + e.ending); ok && !info.ModTime().Before(of.ModTime()) {
			all = append(all, variant{e.name, e.ending, info})
		}
	}
	return all
}

// tag returns the ETag of a file's content, which it reads once per change; empty if that fails.
func (p *page) tag(name string, content io.ReadSeeker) string {
	info, ok := p.regular(name)
	if !ok {
		return ""
	}
	if known, ok := p.tags.Load(name); ok {
		if t, _ := known.(tag); t.size == info.Size() && t.changed.Equal(info.ModTime()) {
			return t.value
		}
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, content); err != nil {
		return ""
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return ""
	}
	t := tag{info.Size(), info.ModTime(), `"` + hex.EncodeToString(sum.Sum(nil)[:16]) + `"`}
	p.tags.Store(name, t)
	return t.value
}

// contentType returns the type of a file by its name. It knows those of the page itself, because
// the machine's table may lack them.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".webmanifest":
		return "application/manifest+json"
	case ".woff2":
		return "font/woff2"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// accepts returns whether an Accept-Encoding header lets a content coding be used (RFC 9110,
// section 12.5.3): by its own name, else by *, with a weight above zero. Without the header the
// server sends only the file itself, as old proxies expect.
func accepts(header []string, coding string) bool {
	others := false
	for _, item := range strings.Split(strings.Join(header, ","), ",") {
		name, params, _ := strings.Cut(item, ";")
		name = strings.TrimSpace(name)
		own := strings.EqualFold(name, coding) || coding == "gzip" && strings.EqualFold(name, "x-gzip")
		if !own && name != "*" {
			continue
		}
		wanted := weight(params) > 0
		if own {
			return wanted
		}
		others = wanted
	}
	return others
}

// weight returns the q of an item of an Accept header: 1 if it has none, and 0 if it is malformed.
func weight(params string) float64 {
	for _, param := range strings.Split(params, ";") {
		if key, value, _ := strings.Cut(param, "="); strings.EqualFold(strings.TrimSpace(key), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || q < 0 || q > 1 {
				return 0
			}
			return q
		}
	}
	return 1
}
