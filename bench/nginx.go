package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// nginxConfig is a proxy of one process. In %[5]s stands how a call gets to
// the backend.
const nginxConfig = `daemon off; master_process off; pid %[1]s/nginx.pid; error_log %[1]s/nginx.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p;
  fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  upstream backend { server %[3]s; keepalive 256; keepalive_requests 1000000; }
  upstream opentcb { server %[4]s; keepalive 256; keepalive_requests 1000000; }
  server {
    listen %[2]s;
    proxy_http_version 1.1; proxy_set_header Connection "";
    %[5]s
  }
}
`

const (
	nginxForwards = `location / { proxy_pass http://backend; }`
	nginxAsks     = `location / {
      auth_request /decide; auth_request_set $call $upstream_http_x_opentcb_uri;
      auth_request_set $appid $upstream_http_x_wx_appid; auth_request_set $env $upstream_http_x_wx_env;
      proxy_set_header X-WX-APPID $appid; proxy_set_header X-WX-ENV $env; proxy_pass http://backend$call;
    }
    location = /decide {
      internal; proxy_pass http://opentcb/decide; proxy_method HEAD; proxy_pass_request_headers off;
      proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header Connection "";
      proxy_set_header X-Original-URI $request_uri; proxy_set_header X-Original-Method $request_method; proxy_set_header X-Forwarded-Uri "";
    }`
)

// nginxes starts nginx in two forms, if it is there: only proxy_pass, and
// with auth_request to the real server. Both servers then share a core.
func (s *session) nginxes() ([]contender, error) {
	path, err := exec.LookPath("nginx")
	if err != nil {
		path = "/usr/sbin/nginx"
	}
	if _, err := os.Stat(path); err != nil {
		s.progress("nginx is not there: left out")
		return nil, nil
	}
	var all []contender
	for _, form := range []struct{ name, location string }{{"nginx proxy_pass", nginxForwards}, {"nginx auth_request", nginxAsks}} {
		server, err := s.startNginx(path, strings.ReplaceAll(form.name, " ", "-"), form.location)
		if err != nil {
			return nil, err
		}
		all = append(all, contender{server, row{Name: form.name, Figure: ratio, Unit: "req/s"}})
	}
	return all, nil
}

func (s *session) startNginx(path, name, location string) (*server, error) {
	dir := s.path(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(nginxConfig, dir, address, s.backend.api, s.real.api, location)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(s.ctx, path, "-p", dir, "-e", filepath.Join(dir, "nginx.log"), "-c", config)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := startPinned(cmd, serverCPU); err != nil {
		return nil, err
	}
	started := &server{cmd: cmd, api: address}
	for range 100 {
		time.Sleep(50 * time.Millisecond)
		if resp, err := http.Get("http://" + address + "/"); err == nil {
			return started, resp.Body.Close()
		}
	}
	started.stop()
	return nil, fmt.Errorf("%s does not answer", name)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
