//go:build !wasip1

package view

import "portolan"

func field(request *portolan.Request, place int) ([]byte, error) {
	value, _ := request.FieldAt(place)
	return value, nil
}
