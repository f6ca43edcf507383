// The certificate of direct TLS: given by the operator, or made at the first start and kept.
// OpenSSL behind it, no sockets.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/base/error.h"

namespace hearth::server {

struct Certificate {
  std::string chain_pem;  // its own first
  std::string key_pem;
  std::string fingerprint;  // SHA-256, "AB:CD:…": what a browser shows in its warning
};

// Errors: io_error, one sentence that names the file: missing, not PEM, the key of another one, no
// longer valid.
Result<Certificate> read_certificate(const std::filesystem::path& chain,
                                     const std::filesystem::path& key);

// Self-signed, for these names and addresses. Kept in `folder` (key.pem is mode 0600) and read from
// there at later starts, so that its fingerprint stays; made anew when it ends within 30 days. An
// empty folder: kept nowhere. Errors: io_error.
Result<Certificate> own_certificate(const std::filesystem::path& folder,
                                    const std::vector<std::string>& names);

}  // namespace hearth::server
