// Package wire reads and writes the messages of docs/protocol.md: the JSON envelope,
// scanned by hand, and the binary frames.
//
// Parse finds the parts of one message without copying them and checks the whole of
// it in the same pass: syntax, UTF-8, depth, no raw control characters in strings.
// Payloads (data, the params of a request, responses) stay the bytes they were. The
// payload of a binary frame is the exception: its codec is not known here, so where
// it is JSON, CheckJSON has to be called before it is passed on.
//
// The functions named Append write messages. They add to a slice, return it as append
// does, allocate nothing when there is room, and do not end a message with a line
// break. The order of members they write is the one that Parse reads fastest.
//
// Nothing here keeps state of its own. A Msg and a Splitter belong to one goroutine
// at a time.
package wire
