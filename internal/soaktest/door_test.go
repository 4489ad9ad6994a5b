//go:build linux

package soaktest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// door is a way into the server that a bad client can stand in: an interface,
// with headers that let a body be read.
type door struct {
	name    string
	address string // HOST:PORT
	head    string // request line and headers, each line ended; without a length and the empty line
	way     way
}

// dial opens a connection to the door.
func (d door) dial() (stream, error) { return d.way.dial(d.address) }

// doors are all interfaces of both listeners, those of the API listener by a way. Those
// of the admin listener carry its token only if asked to: an operator's world file may
// be large.
func doors(t testing.TB, s *server, by way, c *client, operator bool) []door {
	t.Helper()
	_, api, _ := strings.Cut(s.api, "://")
	_, admin, _ := strings.Cut(s.admin, "://")
	component := componentToken(t, s, newClient(s.api, ""))
	var all []door
	for _, name := range []string{
		"getcodesecret", "usecloudaccesstoken", "downloadfunction",
		"createfunction", "listfunctions", "getuploadsignature",
	} {
		all = append(all, newDoor(api, "POST", "/tcb/"+name+"?access_token="+c.token))
	}
	for _, name := range []string{
		"api_component_token", "api_create_preauthcode", "api_query_auth", "api_authorizer_token",
	} {
		all = append(all, newDoor(api, "POST", "/cgi-bin/component/"+name+"?component_access_token="+component))
	}
	all = append(all, uploadDoor(t, api, c), newDoor(api, "GET", "/download/none"), newDoor(api, "POST", "/none"))
	for i := range all {
		all[i].way = by
	}
	return append(all, adminDoors(t, s, admin, operator)...)
}

func newDoor(address, method, path string) door {
	name, _, _ := strings.Cut(path, "?")
	return door{name, address, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, address), plainWay}
}

// uploadDoor has the headers of an upload that was signed, so that its body is
// read; only at the end of the body can the server tell that it is another.
func uploadDoor(t testing.TB, address string, c *client) door {
	t.Helper()
	header, err := c.sign([]byte("the body that was signed"))
	must(t, "getuploadsignature", err)
	var head bytes.Buffer
	head.WriteString("POST / HTTP/1.1\r\n")
	if err := header.Write(&head); err != nil {
		t.Fatal(err)
	}
	return door{"upload", address, head.String(), plainWay}
}

var pathParameter = regexp.MustCompile(`\{[^}]*\}`)

// adminDoors are the paths of the admin interface, by its own description.
func adminDoors(t testing.TB, s *server, address string, operator bool) []door {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(s.data, "admin-token"))
	must(t, "admin token", err)
	c := newClient(s.admin, "")
	defer c.close()
	status, text, err := c.get(s.admin + "/openapi.yaml")
	if err != nil || status != 200 {
		t.Fatalf("/openapi.yaml: status %d, %v", status, err)
	}
	var description struct {
		Paths map[string]map[string]any
	}
	must(t, "/openapi.yaml", yaml.Unmarshal(text, &description))
	var all []door
	for path, methods := range description.Paths {
		path = pathParameter.ReplaceAllString(path, "wx00000000000000ff")
		for method := range methods {
			if method = strings.ToUpper(method); !slices.Contains([]string{"GET", "PUT", "POST", "PATCH", "DELETE"}, method) {
				continue // what all methods have in common
			}
			d := newDoor(address, method, path)
			if operator {
				d.head += fmt.Sprintf("Authorization: Bearer %s\r\n", bytes.TrimSpace(token))
			}
			all = append(all, d)
		}
	}
	if len(all) < 3 {
		t.Fatalf("/openapi.yaml tells of %d interfaces", len(all))
	}
	return all
}
