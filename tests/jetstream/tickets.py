"""What a door asks for: certificates made on the spot, and the signed words of an operator, an account and a user."""

import base64
import hashlib
import ipaddress
import json
import os
from datetime import UTC, datetime, timedelta

import nkeys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from nacl.signing import SigningKey

_KINDS = {"operator": nkeys.PREFIX_BYTE_OPERATOR, "account": nkeys.PREFIX_BYTE_ACCOUNT, "user": nkeys.PREFIX_BYTE_USER}


def new_key(kind):
    """Return a key pair of a kind, and its seed."""
    seed = nkeys.encode_seed(bytes(SigningKey.generate()), _KINDS[kind])
    return nkeys.from_seed(seed), seed.decode()


def public(pair):
    """Return a public key as servers write it."""
    return pair.public_key.decode()


def signed(subject, issuer, name, claims):
    """Return a JWT as nats servers read it: the issuer's word on a subject."""
    facts = {"jti": "", "iat": int(datetime.now(UTC).timestamp()), "iss": public(issuer), "name": name, "sub": subject}
    body = {**facts, "nats": {"version": 2, **claims}}
    body["jti"] = base64.b32encode(hashlib.sha256(json.dumps(body).encode()).digest()).decode().rstrip("=")
    parts = b".".join(_part(json.dumps(each).encode()) for each in ({"typ": "JWT", "alg": "ed25519-nkey"}, body))
    return b".".join([parts, _part(issuer.sign(parts))]).decode()


def _part(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


class Operator:
    """An operator with one account; it writes credentials files for its users."""

    def __init__(self):
        self._me, _ = new_key("operator")
        self._account, _ = new_key("account")
        limits = {"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": True, "conn": -1,
                  "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}  # fmt: skip
        system, _ = new_key("account")
        word = signed(public(self._me), self._me, "humans", {"type": "operator"})
        accounts = {
            public(self._account): signed(
                public(self._account), self._me, "fleet", {"type": "account", "limits": limits}
            ),
            public(system): signed(public(system), self._me, "system", {"type": "account"}),
        }
        preload = "\n".join(f'{name}: "{each}"' for name, each in accounts.items())
        self.configuration = f'operator: "{word}"\nsystem_account: {public(system)}\nresolver: MEMORY\nresolver_preload {{\n{preload}\n}}\n'

    def credentials(self, path, name, **permissions):
        """Write a user's credentials file."""
        pair, seed = new_key("user")
        word = signed(
            public(pair), self._account, name, {"type": "user", "subs": -1, "data": -1, "payload": -1, **permissions}
        )
        path.write_text(
            f"-----BEGIN NATS USER JWT-----\n{word}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )
        return path


class Authority:
    """One that vouches for certificates of this machine's loopback."""

    def __init__(self, folder):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
        self._certificate = self._signed(self._name, self._key.public_key(), ca=True)
        self.path = folder / "ca.pem"
        self.path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name):
        """Return the paths of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        paths = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        paths[0].write_bytes(self._signed(subject, key.public_key()).public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths

    def _signed(self, subject, key, *, ca=False):
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
            .serial_number(int.from_bytes(os.urandom(8))).not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )  # fmt: skip
        if not ca:
            here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([here]), critical=False)
        else:
            usage = x509.KeyUsage(*(name in {"key_cert_sign", "crl_sign"} for name in (
                "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")))  # fmt: skip
            builder = builder.add_extension(usage, critical=True)
        return builder.sign(self._key, hashes.SHA256())
