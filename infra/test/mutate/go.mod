module hubbub.internal/infra/test/mutate

go 1.26.0
