package carrier

// packs reports whether binary frames are put in rows, which a Packer moves as one.
func (p *Peer) packs() bool { return p.pack > 0 && p.binary.Load() }

// endPacked ends the message that b has beyond the row. Called with w.mu held.
func (p *Peer) endPacked(b []byte) {
	n := len(p.w.row)
	last := b[n:]
	if n > 0 && (last[0] == '{' || len(b) > p.packBytes()) {
		p.w.buf = p.batch.AppendFrame(p.w.buf, b[:n], nil)
		n = copy(b, last)
		b, last = b[:n], b[:n]
	}
	p.w.row = b
	if last[0] == '{' || len(b) >= p.packBytes() {
		p.endRow()
	}
}

// packBytes returns how long a row may be, unless it is a single frame.
func (p *Peer) packBytes() int {
	if takes := int(p.takes.Load()); takes > 0 {
		return min(p.pack, takes)
	}
	return p.pack
}

// endRow puts the row into the buffer. Called with w.mu held.
func (p *Peer) endRow() {
	if len(p.w.row) > 0 {
		p.w.buf = p.batch.AppendFrame(p.w.buf, p.w.row, nil)
		p.w.row = p.w.row[:0]
	}
}
