package pysig

import (
	"fmt"
	"net"
	"sync"
)

// A Listener is called with what a signal carries.
type Listener func(sender, event string, data any)

// A Client is a pysig ClientRouter.
type Client struct {
	*Conn
	mu        sync.Mutex
	listeners map[float64]Listener
	requests  map[string]func(method string, params any) (any, error)
}

// Dial connects a client.
func Dial(addr string) (*Client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &Client{Conn: newConn(conn), listeners: map[float64]Listener{}, requests: map[string]func(string, any) (any, error){}}
	c.methods = map[string]func(map[string]any) (any, error){"signal": c.signal, "request": c.request}
	go c.serve()
	return c, nil
}

func (c *Client) signal(params map[string]any) (any, error) {
	id, ok := params["listener_id"].(float64)
	if !ok {
		return nil, fmt.Errorf("listener_id not given")
	}
	info, ok := params["info"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("info is not provided")
	}
	c.mu.Lock()
	fn := c.listeners[id]
	c.mu.Unlock()
	if fn == nil {
		return nil, fmt.Errorf("listener id %v not found", id)
	}
	fn(info["sender"].(string), info["event"].(string), params["data"])
	return nil, nil
}

func (c *Client) request(params map[string]any) (any, error) {
	sender, _ := params["sender"].(string)
	method, _ := params["method"].(string)
	c.mu.Lock()
	fn := c.requests[sender]
	c.mu.Unlock()
	if fn == nil {
		return nil, fmt.Errorf("sender %s not found", sender)
	}
	return fn(method, params["params"])
}

// AddRemoteSender adds a sender at the server; answer, if not nil, answers requests of
// every method.
func (c *Client) AddRemoteSender(name string, events []string, answer func(method string, params any) (any, error)) error {
	params := map[string]any{"sender": name, "events": events}
	if answer != nil {
		params["requests"] = []any{nil}
		c.mu.Lock()
		c.requests[name] = answer
		c.mu.Unlock()
	}
	_, err := c.Call("add_sender", params)
	return err
}

// AddRemoteListener adds a listener at the server; nil means any.
func (c *Client) AddRemoteListener(sender, event any, fn Listener) error {
	resp, err := c.Call("add_listener", map[string]any{"sender": sender, "event": event})
	if err != nil {
		return err
	}
	id := resp.(map[string]any)["listener_id"].(float64)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listeners[id] = fn
	return nil
}

// Trigger triggers an event at the server, and waits for its reply.
func (c *Client) Trigger(sender, event string, data any) error {
	_, err := c.Call("signal", map[string]any{"info": map[string]any{"sender": sender, "event": event}, "data": data})
	return err
}

// RemoteRequest asks a sender at the server.
func (c *Client) RemoteRequest(sender, method string, params any) (any, error) {
	return c.Call("request", map[string]any{"sender": sender, "method": method, "params": params})
}
