package cloud

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/opentcb/opentcb/tcb"
)

// The bounds of what a configuration says (FC-1).
const (
	MaxTimeout     = 300     // of one event, in seconds
	maxVariables   = 100     // of one function
	maxEnvironment = 4 << 10 // their keys and values together, in bytes
)

var (
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// takenName are the variables that the runtime gives itself, and those that steer a
	// process: what it loads, whom it trusts, which way it takes. Whoever sets them would
	// have the code, and its secrets, of another platform.
	takenName = regexp.MustCompile(`^(WX_|TCB_|SCF_|TENCENTCLOUD_|OPENTCB_|NODE_|LD_|DYLD_|OPENSSL_|GLIBC_|SSL_CERT_|` +
		`GCONV_PATH$|BASH_ENV$|IFS$|PATH$|TMPDIR$)|(?i:_proxy$)`)
	apiName     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*\.[A-Za-z][A-Za-z0-9_]*$`)
	triggerName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
)

// readProcess reads type 3: how the function's process is run.
func (f *FuncSettings) readProcess(text string) error {
	var c struct {
		Timeout     *tcb.Integer
		Environment []struct {
			Name  *string `json:"key"`
			Value *string
		}
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return badConfig(`must have timeout, an integer, and environment, [{"key":"…","value":"…"}]`)
	}
	f.Timeout, f.Environment = DefaultTimeout, []Variable{}
	if c.Timeout != nil {
		f.Timeout = int64(*c.Timeout)
	}
	if f.Timeout < 1 || f.Timeout > MaxTimeout {
		return badConfig("has a timeout that is not from 1 to %d seconds", MaxTimeout)
	}
	if len(c.Environment) > maxVariables {
		return badConfig("has over %d variables", maxVariables)
	}
	size, seen := 0, map[string]bool{}
	for i, v := range c.Environment {
		switch {
		case v.Name == nil || v.Value == nil:
			return badConfig("has no key or no value in environment[%d]", i)
		case !variableName.MatchString(*v.Name):
			return badConfig("has a key in environment[%d] that is not letters, digits and _, without a digit first", i)
		case seen[*v.Name]:
			return badConfig("has the variable %s twice", *v.Name)
		case strings.ContainsRune(*v.Value, 0):
			return badConfig("has a NUL in the variable %s", *v.Name)
		}
		seen[*v.Name] = true
		size += len(*v.Name) + len(*v.Value)
		if takenName.MatchString(*v.Name) && *v.Name != "NODE_ENV" {
			f.taken = append(f.taken, *v.Name)
			continue
		}
		f.Environment = append(f.Environment, Variable{*v.Name, *v.Value})
	}
	if size > maxEnvironment {
		return badConfig("has variables of over %d bytes together", maxEnvironment)
	}
	return nil
}

// readAPIs reads type 1: which open interfaces the function calls.
func (f *FuncSettings) readAPIs(text string) error {
	var c struct{ Permissions struct{ OpenAPI []string } }
	if err := json.Unmarshal([]byte(text), &c); err != nil || c.Permissions.OpenAPI == nil {
		return badConfig(`must be {"permissions":{"openapi":["wxacode.get"]}}`)
	}
	for i, name := range c.Permissions.OpenAPI {
		if !apiName.MatchString(name) {
			return badConfig("has a name in openapi[%d] that is not like wxacode.get", i)
		}
	}
	f.APIs = c.Permissions.OpenAPI
	return nil
}

// readTriggers reads type 2: when the function is run by itself.
func (f *FuncSettings) readTriggers(text string) error {
	var c struct{ Triggers []Trigger }
	if err := json.Unmarshal([]byte(text), &c); err != nil || c.Triggers == nil {
		return badConfig(`must be {"triggers":[{"name":"…","type":"timer","config":"0 0 2 * * * *"}]}`)
	}
	seen := map[string]bool{}
	for i, t := range c.Triggers {
		switch {
		case len(t.Name) > 60 || !triggerName.MatchString(t.Name):
			return badConfig("has a name in triggers[%d] that is not 1 to 60 letters, digits, - or _, with a letter first", i)
		case seen[t.Name]:
			return badConfig("has the trigger %s twice", t.Name)
		case t.Type != "timer":
			return badConfig("has a type in triggers[%d] that is not timer", i)
		case !isCron(t.Config):
			return badConfig("has a config in triggers[%d] that is not seven fields of cron: "+
				"second, minute, hour, day, month, weekday, year", i)
		}
		seen[t.Name] = true
		c.Triggers[i].Config = strings.Join(strings.Fields(t.Config), " ") // one spelling, which a world file can have
	}
	f.Triggers = c.Triggers
	return nil
}

// cronFields are the fields of a timer: their bounds, and names from the first on.
var cronFields = []struct {
	from, to int
	names    []string
}{
	{0, 59, nil}, {0, 59, nil}, {0, 23, nil}, {1, 31, nil},
	{1, 12, []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
	{0, 6, []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}}, {1970, 2099, nil},
}

// isCron reports whether a text is a timer. Each field is a list, by commas, of *, ?,
// values and ranges of them, with a step perhaps (*/5).
func isCron(text string) bool {
	fields := strings.Fields(text)
	if len(fields) != len(cronFields) {
		return false
	}
	for i, field := range fields {
		form := cronFields[i]
		value := func(s string) (int, bool) {
			if at := slices.Index(form.names, strings.ToUpper(s)); at >= 0 {
				return form.from + at, true
			}
			n, err := strconv.Atoi(s)
			return n, err == nil && form.from <= n && n <= form.to && s[0] != '+'
		}
		for part := range strings.SplitSeq(field, ",") {
			part, step, stepped := strings.Cut(part, "/")
			if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1 || n > form.to) {
				return false
			}
			if part == "*" || part == "?" {
				continue
			}
			first, last, ranged := strings.Cut(part, "-")
			from, ok := value(first)
			to, okTo := value(last)
			if !ok || ranged && (!okTo || to < from) {
				return false
			}
		}
	}
	return true
}
