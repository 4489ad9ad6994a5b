package node

import "net/http"

// Around puts a handler around that of the interfaces. It is called before the first
// request.
func (n *Node) Around(around func(http.Handler) http.Handler) { n.calls.next = around(n.calls.next) }
