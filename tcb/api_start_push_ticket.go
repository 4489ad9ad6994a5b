package tcb

// StartPushTicketRequest is the body of
// POST /cgi-bin/component/api_start_push_ticket.
type StartPushTicketRequest struct {
	ComponentAppID  *string `json:"component_appid,omitempty"`
	ComponentSecret *string `json:"component_secret,omitempty"`
}
