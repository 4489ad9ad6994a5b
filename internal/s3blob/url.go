package s3blob

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// urlForm is what every error of ParseURL ends with.
const urlForm = "the form is s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION&path-style=true, " +
	"all but BUCKET may be left out"

var (
	bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]+[a-z0-9]$`)
	// prefixForm has the characters that every S3 takes unencoded.
	prefixForm = regexp.MustCompile(`^[A-Za-z0-9!_.*'()/-]*$`)
	regionForm = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	hostForm   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
)

// ParseURL reads
//
//	s3://[ACCESSKEY:SECRETKEY@]BUCKET[/PREFIX][?endpoint=URL][&region=REGION][&path-style=true|false]
//
// where endpoint is http://HOST[:PORT] or https://HOST[:PORT], and path-style
// is true by default for an endpoint that is an IP address or localhost, whose
// names no DNS has. The error reports everything that is wrong, and what to do.
// It repeats nothing of the text, which may hold credentials.
func ParseURL(text string) (Config, error) {
	var p urlParser
	p.parse(text)
	if len(p.faults) > 0 {
		return Config{}, fmt.Errorf("the URL of a bucket: %s; %s", strings.Join(p.faults, "; "), urlForm)
	}
	return p.cfg, nil
}

type urlParser struct {
	cfg    Config
	faults []string
}

func (p *urlParser) must(ok bool, fault string) {
	if !ok {
		p.faults = append(p.faults, fault)
	}
}

func (p *urlParser) parse(text string) {
	u, err := url.Parse(text)
	if err != nil { // which shows the text
		p.must(false, "it is no URL: write / + @ : % and spaces in a key as %2F %2B %40 %3A %25 %20")
		return
	}
	p.must(u.Scheme == "s3" && u.Opaque == "", "it begins with s3://")
	p.must(u.Fragment == "", "it has no #")
	p.must(len(u.Host) <= 63 && bucketForm.MatchString(u.Host),
		"BUCKET has 3 to 63 lower-case letters, digits, dots and hyphens, and no port")
	p.cfg.Bucket = u.Host
	p.user(u.User)
	p.prefix(u.Path)
	p.query(u.RawQuery)
}

func (p *urlParser) user(user *url.Userinfo) {
	if user == nil {
		return
	}
	p.cfg.AccessKey = user.Username()
	p.cfg.SecretKey, _ = user.Password()
	p.must(p.cfg.AccessKey != "" && p.cfg.SecretKey != "",
		"before the @ stand access key and secret key with : between; leave out both to take those of the environment")
}

func (p *urlParser) prefix(path string) {
	p.cfg.Prefix = strings.Trim(path, "/")
	p.must(len(p.cfg.Prefix) <= 512 && prefixForm.MatchString(p.cfg.Prefix), "PREFIX has at most 512 letters, digits and !-_.*'()/")
	if p.cfg.Prefix == "" {
		return
	}
	for segment := range strings.SplitSeq(p.cfg.Prefix, "/") {
		if segment == "" || segment == "." || segment == ".." {
			p.must(false, "between the slashes of PREFIX stand names, not . or ..")
			return
		}
	}
}

func (p *urlParser) query(raw string) {
	values, err := url.ParseQuery(raw)
	p.must(err == nil, "after the ? stands NAME=VALUE&NAME=VALUE")
	known := map[string]func(string){"endpoint": p.endpoint, "region": p.region, "path-style": p.pathStyle}
	for name := range values {
		if known[name] == nil {
			p.must(false, "after the ? only endpoint, region and path-style are known: correct or remove the others")
			break
		}
	}
	for _, name := range []string{"endpoint", "region", "path-style"} { // path-style after what it depends on
		if v := values[name]; len(v) == 1 {
			known[name](v[0])
		} else {
			p.must(len(v) == 0, name+" is given once")
		}
	}
}

func (p *urlParser) endpoint(text string) {
	e, err := url.Parse(text)
	if err == nil && (e.Scheme != "http" && e.Scheme != "https" || e.User != nil || strings.Trim(e.Path, "/") != "" ||
		e.RawQuery != "" || e.ForceQuery || e.Fragment != "" || !isHost(e)) {
		err = errors.New("another form")
	}
	if err != nil {
		p.must(false, "endpoint is http://HOST or https://HOST, with :PORT or without, and nothing else")
		return
	}
	p.cfg.Endpoint, p.cfg.Insecure = e.Host, e.Scheme == "http"
	p.cfg.PathStyle = net.ParseIP(e.Hostname()) != nil || e.Hostname() == "localhost"
}

func isHost(u *url.URL) bool {
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return false
	}
	return net.ParseIP(u.Hostname()) != nil || len(u.Hostname()) <= 253 && hostForm.MatchString(u.Hostname())
}

func (p *urlParser) region(text string) {
	p.must(len(text) <= 64 && regionForm.MatchString(text), "region is a name like ap-guangzhou")
	p.cfg.Region = text
}

func (p *urlParser) pathStyle(text string) {
	p.must(text == "true" || text == "false", "path-style is true or false")
	p.cfg.PathStyle = text == "true"
}

// String returns the URL without credentials.
func (c Config) String() string {
	text := "s3://" + c.Bucket
	if c.Prefix != "" {
		text += "/" + c.Prefix
	}
	text += "?path-style=" + strconv.FormatBool(c.PathStyle)
	if c.Region != "" {
		text += "&region=" + c.Region
	}
	if c.Endpoint != "" {
		scheme := "https://"
		if c.Insecure {
			scheme = "http://"
		}
		text += "&endpoint=" + scheme + c.Endpoint
	}
	return text
}

// GoString returns String, so that %#v shows no credentials either.
func (c Config) GoString() string { return c.String() }
