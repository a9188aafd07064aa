//go:build !unix

package ws

const canTryWrite = false

func tryWriteFD(uintptr, []byte) (int, error) { return 0, nil }
