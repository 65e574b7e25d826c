"""Operations on integer activations besides layers, one a file: what each computes, exactly, and who runs it."""
