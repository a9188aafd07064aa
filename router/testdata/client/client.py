"""A client written from docs/protocol.md alone, with nothing but Python's standard library.

    python3 client.py HOST PORT

It says hello, adds a sender and listeners, signals, asks and answers, loses its connection and
resumes its session. What happens it prints; a line on its standard input lets it go on.
"""

import codecs
import json
import socket
import sys
import threading


saying = threading.Lock()


def say(*words):
    with saying:
        print(*words, flush=True)


class Client:
    def __init__(self, host, port):
        self.address = (host, int(port))
        self.calls, self.replies = 0, {}
        self.sent, self.acked = 0, 0  # signals up
        self.heard = 0  # number of the last signal down that was handed over
        self.refused = 0  # number of the last signal up that was refused
        self.session = None
        self.changed = threading.Condition()

    def connect(self):
        """Section 5: hello is the first message, alone until it is answered."""
        self.sock = socket.create_connection(self.address)
        self.reader = threading.Thread(target=self.read, args=(self.sock,), daemon=True)
        self.reader.start()
        params = {"version": 1, "name": "python", "envelope": "json", "codecs": ["json"]}
        if self.session:
            params["resume"] = dict(self.session, last=self.heard)
        answer = self.call("hello", params)
        self.session = {"session": answer["session"], "epoch": answer["epoch"]}
        if answer["resumed"]:
            self.acked = answer["last"]
        return answer

    def cut(self):
        """Ends the connection without a goodbye."""
        self.sock.shutdown(socket.SHUT_RDWR)
        self.reader.join()
        self.sock.close()

    def send(self, message):
        self.sock.sendall(json.dumps(message).encode() + b"\n")

    def call(self, method, params=None):
        with self.changed:
            self.calls += 1
            call = self.calls
        self.send({"id": call, "method": method, "params": params or {}})
        with self.changed:
            self.changed.wait_for(lambda: call in self.replies)
            reply = self.replies.pop(call)
        if reply["status"] != 0:
            raise RuntimeError("%d %s" % (reply["status"], reply["error"]["code"]))
        return reply["response"]

    def signal(self, sender, event, data):
        self.sent += 1
        self.send({"n": self.sent, "method": "signal", "params": {"info": {"sender": sender, "event": event}, "data": data}})

    def wait_acked(self):
        with self.changed:
            self.changed.wait_for(lambda: self.acked == self.sent)

    def read(self, sock):
        decoder, text = json.JSONDecoder(), ""
        utf8 = codecs.getincrementaldecoder("utf-8")()
        while True:
            try:
                data = sock.recv(65536)
            except OSError:
                return
            if not data:
                return
            text += utf8.decode(data)
            while text.strip():
                try:
                    message, end = decoder.raw_decode(text.lstrip())
                except ValueError:
                    break  # the rest of it comes with the next read
                text = text.lstrip()[end:]
                self.handle(message)

    def handle(self, m):
        with self.changed:
            if m.get("status") is not None and "refused" not in m:
                self.replies[m["id"]] = m
                if "resumed" in (m["response"] if isinstance(m["response"], dict) else {}):
                    say("resumed", m["response"]["resumed"])
            elif "ack" in m:
                self.acked = m["ack"]
            elif "refused" in m and m["refused"] > self.refused:  # else it is told again, after a cut
                say("refused", m["refused"] - self.acked, m["status"])
                self.refused = m["refused"]
            self.changed.notify_all()
        method = m.get("method")
        if method == "signal" and m["n"] > self.heard:
            info = m["params"]["info"]
            say("heard", info["sender"], info["event"], json.dumps(m["params"]["data"], ensure_ascii=False))
            self.heard = m["n"]
        if "n" in m:
            self.send({"ack": self.heard})
        elif method == "request":
            self.send({"id": m["id"], "status": 0, "response": 2 * m["params"]["params"]})
        elif method == "ping":
            self.send({"id": m["id"], "status": 0, "response": None})


def main():
    c = Client(*sys.argv[1:3])
    c.connect()
    c.call("add_sender", {"sender": "py", "events": ["e"], "requests": ["double"]})
    c.call("add_listener", {"sender": "go", "event": "tic"})
    for n in range(3):
        c.signal("py", "e", {"n": n, "text": "häßlich 😀"})
    c.wait_acked()
    say("acknowledged", c.acked)
    say("sum", c.call("request", {"sender": "go", "method": "add", "params": [2, 3]}))
    for sender, method in ("go", "subtract"), ("nobody", "add"):
        try:
            c.call("request", {"sender": sender, "method": method})
        except RuntimeError as e:
            say("failed", e)
    c.signal("go", "tic", "not mine")
    c.wait_acked()
    say("ready")
    sys.stdin.readline()

    c.cut()
    say("away")
    sys.stdin.readline()
    c.connect()
    c.call("add_sender", {"sender": "py", "events": ["e"], "requests": ["double"]})
    c.signal("py", "e", "back")
    c.wait_acked()
    say("back")
    sys.stdin.readline()
    c.send({"method": "bye", "params": {"reason": "done"}})
    c.sock.close()


main()
