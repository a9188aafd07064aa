package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sigrouter/sigrouter/idl/gen"
)

func (a *app) genCommand() *cobra.Command {
	var (
		dir       string
		languages []string
	)
	known := strings.Join(gen.Languages(), ", ")
	cmd := &cobra.Command{
		Use:   "gen FILE...",
		Short: "Make a server, a client and types from interface files",
		Long: `Reads interface files (LibMedium's .lmspc, and what docs/interface-files.md adds) and
writes what serves and calls them. When anything is wrong with any of the files it says
all of it, with file, line and column, and writes nothing. Files that would not change
are not touched.`,
		Example: `  sig gen student.lmspc -o .
  sig gen student.lmspc -o web --lang js`,
		Args: args(1, -1),
		RunE: func(_ *cobra.Command, files []string) error {
			for _, l := range languages {
				if !slices.Contains(gen.Languages(), l) {
					return usagef("--lang is %q; it can be %s", l, known)
				}
			}
			made, err := gen.Run(files, dir, languages)
			if err != nil {
				return err
			}
			for _, path := range made {
				if _, err := fmt.Fprintln(a.out, path); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&dir, "output", "o", ".", "`directory` to write to; it is made if need be")
	cmd.Flags().StringSliceVar(&languages, "lang", []string{"go"}, "what to make: "+known)
	return cmd
}
