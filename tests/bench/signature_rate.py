"""The rate at which libsodium itself does the two signatures of a bundle request, on one core."""

import ctypes
import ctypes.util
import time

SECONDS = 2


def measure(proof_size, bundle_size):
    """Verifications of a text of `proof_size` bytes, each with a signature of `bundle_size` bytes, in one second of
    processor time."""
    sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
    assert sodium.sodium_init() >= 0
    public, secret, signature = (ctypes.create_string_buffer(size) for size in (32, 64, 64))
    proof, bundle = (ctypes.create_string_buffer(b"x" * size, size) for size in (proof_size, bundle_size))
    long = ctypes.c_ulonglong
    assert sodium.crypto_sign_keypair(public, secret) == 0
    assert sodium.crypto_sign_detached(signature, None, proof, long(proof_size), secret) == 0
    other = ctypes.create_string_buffer(64)
    count = 0
    began = time.process_time()
    while time.process_time() - began < SECONDS:
        for _ in range(20):
            assert sodium.crypto_sign_verify_detached(signature, proof, long(proof_size), public) == 0
            sodium.crypto_sign_detached(other, None, bundle, long(bundle_size), secret)
        count += 20
    return count / (time.process_time() - began)
