// Package serial carries messages over serial lines.
//
//	serial:///dev/ttyUSB0?baud=115200                  a port by its name
//	serial://COM3?baud=9600&frame=cobs                 a port of Windows, with checksums
//	serial://usb/2341:0043?serial=8573235303           a port by what is plugged in
//	serial:///dev/ttyACM0?sender=thermo&event=line     a device that prints plain lines
//
// Put Scheme{} among the schemes of a router or client. Ports lists what is plugged in.
//
// # Frames
//
// With frame=lines each line is one JSON object. What is no such line is skipped,
// counted and reported, and the next good line is always taken, wherever the damage was.
// Lines have no checksum: a flipped bit can turn one valid object into another. With
// frame=cobs every frame has a CRC-32 and the line carries binary frames too; both ends
// must use it. docs/protocol.md, section 7, fixes the bytes.
//
// # Restarts
//
// A serial line does not say when the program at its other end starts anew. A Conn
// finds out: by the start mark that every Conn writes when it opens the port, by a
// second hello, and, as the listening end, by a first frame that comes again byte for
// byte. It then ends as a cut connection would, with io.EOF, and the Listener accepts the next
// one on the same open port.
//
// # Plain devices
//
// With sender, or listen, in the URL the device need not know the protocol: each line it
// prints becomes an event of that sender, and requests and events are written to it
// as lines. See Plain in the documentation of Scheme.
package serial
