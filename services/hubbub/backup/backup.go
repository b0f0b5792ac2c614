package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/daemon"
	"hubbub.internal/libs/storeurl"
)

// stdout, as File, writes the backup to standard output.
const stdout = "-"

const embedded = "embedded:"

// Place names a Hubbub: the one in a data folder, or a cluster.
type Place struct {
	Data           string        `help:"Data folder of the hubbub up." default:"data" type:"path" placeholder:"DIR"`
	Bus            busurl.Config `embed:""`
	Store          string        `help:"Store of history and directory: sqlite: (files in the data folder), mongodb:// or mongodb+srv://." default:"sqlite:" placeholder:"URL"`
	HistoryStore   string        `help:"Store of history, if it differs from the directory's, or has another user." placeholder:"URL"`
	DirectoryStore string        `help:"Store of the directory, likewise." placeholder:"URL"`
}

// StoreURLs returns the URLs of the stores of history and directory that --store and the data
// folder name.
func StoreURLs(store, data string) (historyURL, directoryURL string) {
	if store == kindSQLite+":" || store == kindSQLite+"://" {
		return kindSQLite + ":" + filepath.Join(data, "history.db"), kindSQLite + ":" + filepath.Join(data, "directory.db")
	}
	return store, store
}

// Stores returns the URLs of the stores of history and directory.
func (p *Place) Stores() (historyURL, directoryURL string) {
	historyURL, directoryURL = StoreURLs(p.Store, p.Data)
	if p.HistoryStore != "" {
		historyURL = p.HistoryStore
	}
	if p.DirectoryStore != "" {
		directoryURL = p.DirectoryStore
	}
	return historyURL, directoryURL
}

// Validate sets the options that follow from the data folder, and returns what is wrong.
func (p *Place) Validate() error {
	p.Bus.Embed = natsembed.InProcess
	if p.Bus.Bus == embedded {
		p.Bus.Bus += filepath.Join(p.Data, "bus")
	}
	errs := []error{p.Bus.Validate()}
	historyURL, directoryURL := p.Stores()
	for _, s := range []struct{ flag, url string }{{"--history-store", historyURL}, {"--directory-store", directoryURL}} {
		if err := (&storeurl.Config{Store: s.url}).Validate(); err != nil {
			flag := s.flag
			if s.url == p.Store {
				flag = "--store"
			}
			errs = append(errs, errors.New(strings.Replace(err.Error(), "--store", flag, 1)))
			if s.url == p.Store {
				break
			}
		}
	}
	if f, ok := SQLiteFile(historyURL); ok && historyURL == directoryURL {
		errs = append(errs, fmt.Errorf("--store is sqlite:%s; it has to be sqlite: without a name, since the files are in the data folder: name another with --data", f))
	}
	return errors.Join(errs...)
}

// BusFolder returns the folder of an embedded bus; empty: the bus is a server.
func (p *Place) BusFolder() string {
	dir, ok := strings.CutPrefix(p.Bus.Bus, embedded)
	if !ok {
		return ""
	}
	return strings.TrimPrefix(dir, "//")
}

// Config is the configuration of `hubbub backup`.
type Config struct {
	File  string        `arg:"" help:"File to write, which must not exist yet, or a folder, where the time names the file; - is standard output. The word verify: check the file that follows."`
	Check string        `arg:"" optional:"" help:"With verify: the file to check."`
	Wait  time.Duration `help:"How long to wait for history to store the messages from before the backup (1s to 24h)." default:"1m"`
	Keep  int           `help:"In a folder, keep only so many of the newest backups, and remove the others after a new one (0 to 10000; 0: keep all)." default:"0"`
	Place `embed:""`
}

// verify, as File, checks another file.
const verify = "verify"

// Help implements kong.HelpProvider.
func (*Config) Help() string {
	return `Copies the stores of history and directory, with the signing keys as they are stored, into one file, while people talk. It contains everything that was acknowledged before it began. The log on the bus needs no copy: the backup waits until history has stored all of it.

A running hubbub up makes the backup itself, asked through its data folder; of a stopped one the files are read. For a cluster give --bus and --store, or --history-store and --directory-store, as its services have them.

	hubbub backup FILE          make a backup
	hubbub backup FOLDER        make one whose name is the time
	hubbub backup verify FILE   read one through, and check its sums and counts

The file contains all messages and the keys that sign tokens: keep it secret.`
}

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	errs := []error{c.Place.Validate()}
	if c.Wait < time.Second || c.Wait > 24*time.Hour {
		errs = append(errs, fmt.Errorf("--wait is %s; it has to be 1s to 24h0m0s", c.Wait))
	}
	if c.Keep < 0 || c.Keep > 10_000 {
		errs = append(errs, fmt.Errorf("--keep is %d; it has to be 0 to 10000", c.Keep))
	}
	if (c.File == verify) != (c.Check != "") {
		errs = append(errs, errors.New("it has to be hubbub backup FILE, or hubbub backup verify FILE"))
	}
	return errors.Join(errs...)
}

// Execute implements daemon.Tool.
func (c *Config) Execute(ctx context.Context, out io.Writer) error {
	if c.File == verify {
		return verifyFile(ctx, c.Check, out)
	}
	began := time.Now()
	if c.File == stdout {
		m, err := checked(ctx, out, c.write)
		if err == nil {
			fmt.Fprintf(os.Stderr, "backed up %s in %s\n", strings.Join(total(m.Counts), ", "), time.Since(began).Round(time.Millisecond))
		}
		return err
	}
	path, folder := c.File, ""
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		folder, path = path, filepath.Join(path, began.UTC().Format(stamp))
	} else if c.Keep > 0 {
		return fmt.Errorf("--keep is %d, and %s is no folder; only where backups are named by the time is it known which are old", c.Keep, c.File)
	}
	m, err := save(ctx, path, c.write)
	if err != nil {
		return err
	}
	if folder != "" && c.Keep > 0 {
		if err := prune(folder, c.Keep); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(out, "%s: backed up %s in %s\n", path, strings.Join(total(m.Counts), ", "), time.Since(began).Round(time.Millisecond)); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// write writes a backup of the place.
func (c *Config) write(ctx context.Context, w io.Writer) (err error) {
	if err := throughSocket(ctx, c.Data, w, c.Wait); !errors.Is(err, errNobody) {
		return err
	}
	dir := c.BusFolder()
	if dir != "" {
		if _, err := os.Stat(dir); err != nil {
			return fmt.Errorf("there is no hubbub up in %s: name its folder with --data, or a cluster with --bus and --store", c.Data)
		}
	}
	b, err := busurl.Open(ctx, c.Bus, zap.NewNop(), nil, nil)
	if err != nil {
		return err // which says what to do
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	s := Source{Bus: b}
	s.History, s.Directory = c.Stores()
	if s.Settings, err = daemon.Settings(&c.Place); err != nil {
		return err
	}
	if dir == "" {
		return s.Write(ctx, w, c.Wait)
	}
	// No service runs there that could store the rest of the log.
	const soon = time.Second
	if err := s.caughtUp(ctx, soon); err != nil {
		return errors.New("the log has what history has not stored, since hubbub up was killed: start it, and back up while it runs")
	}
	return s.Write(ctx, w, c.Wait)
}
