module github.com/sigrouter/sigrouter

go 1.26
