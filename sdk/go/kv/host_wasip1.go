package kv

import (
	wit "go.bytecodealliance.org/pkg/wit/types"
	host "wit_component/portolan_policy_kv"
)

func get(bucket uint32, key []byte) ([]byte, error) {
	value, err := of(host.Get(bucket, key))
	if err != nil || value.Tag() == wit.OptionNone {
		return nil, err
	}
	if found := value.Some(); found != nil {
		return found, nil
	}
	return []byte{}, nil
}

func set(bucket uint32, key, value []byte, ttlMs uint32) error {
	_, err := of(host.Set(bucket, key, value, ttlMs))
	return err
}

func replace(bucket uint32, key, expected, value []byte, ttlMs uint32) (bool, error) {
	had := wit.None[[]byte]()
	if expected != nil {
		had = wit.Some(expected)
	}
	return of(host.Replace(bucket, key, had, value, ttlMs))
}

func add(bucket uint32, key []byte, delta int64, ttlMs uint32) (int64, error) {
	return of(host.Add(bucket, key, delta, ttlMs))
}

func remove(bucket uint32, key []byte) (bool, error) { return of(host.Delete(bucket, key)) }

func of[T any](result wit.Result[T, host.Error]) (T, error) {
	if result.Tag() == wit.ResultErr {
		return result.Ok(), Error(result.Err())
	}
	return result.Ok(), nil
}
