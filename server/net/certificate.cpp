#include "server/net/certificate.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

namespace hearth::server {
namespace {

constexpr int kDaysValid = 820;  // Apple's systems take no more than 825
constexpr int kDaysLeftMin = 30;
constexpr std::size_t kPemBytesMax = 1024 * 1024;

template <class T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* object) const { Free(object); }
};
using X509Ptr = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using BioPtr = std::unique_ptr<BIO, BioDeleter>;

tl::unexpected<Error> refuse(const std::filesystem::path& path, const std::string& why) {
  return fail(ErrorCode::io_error, path.string() + " " + why + ".");
}

Result<std::string> read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return refuse(path, "cannot be read");
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (text.size() > kPemBytesMax) return refuse(path, "is too long for a PEM file");
  return text;
}

// An encrypted key would ask for its password on the terminal.
int no_password(char*, int, int, void*) { return 0; }

X509Ptr first_certificate(const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return X509Ptr(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr));
}

KeyPtr private_key(const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return KeyPtr(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
}

std::string fingerprint_of(const X509& certificate) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  X509_digest(&certificate, EVP_sha256(), digest.data(), &size);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    if (i > 0) text += ':';
    text += kHex[digest[i] >> 4U];
    text += kHex[digest[i] & 15U];
  }
  return text;
}

// Negative: it has ended.
int days_left(const X509& certificate) {
  int days = 0;
  int seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(&certificate)) != 1) return -1;
  return seconds < 0 ? -1 : days;
}

std::string text_of(BIO& bio) {
  std::string text;
  std::array<char, 4096> part{};
  for (int n = 0; (n = BIO_read(&bio, part.data(), static_cast<int>(part.size()))) > 0;)
    text.append(part.data(), static_cast<std::size_t>(n));
  return text;
}

bool is_dns_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-';
  });
}

std::string alternative_names(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) {
    std::array<unsigned char, 16> bytes{};
    const bool is_address = inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
                            inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
    if (!is_address && !is_dns_name(name)) continue;
    if (!list.empty()) list += ',';
    list += is_address ? "IP:" : "DNS:";
    list += name;
  }
  return list;
}

bool add_extension(X509& certificate, int kind, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, &certificate, &certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  if (!extension) return false;
  const bool is_added = X509_add_ext(&certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return is_added;
}

bool set_serial(X509& certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return false;
  bytes[0] &= 0x7fU;
  BIGNUM* const number = BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr);
  const bool is_set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(&certificate));
  BN_free(number);
  return is_set;
}

bool fill_in(X509& certificate, EVP_PKEY& key, const std::vector<std::string>& names) {
  constexpr long kDay = 86'400;
  const std::string title = "Hearth";
  X509_NAME* const subject = X509_get_subject_name(&certificate);
  const auto* const text = reinterpret_cast<const unsigned char*>(title.c_str());
  return X509_set_version(&certificate, 2) == 1 && set_serial(certificate) &&
         X509_gmtime_adj(X509_getm_notBefore(&certificate), -kDay) &&
         X509_gmtime_adj(X509_getm_notAfter(&certificate), kDaysValid * kDay) &&
         X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
         X509_set_issuer_name(&certificate, subject) == 1 &&
         X509_set_pubkey(&certificate, &key) == 1 &&
         add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
         add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
         add_extension(certificate, NID_subject_alt_name, alternative_names(names)) &&
         X509_sign(&certificate, &key, EVP_sha256()) > 0;
}

std::optional<Certificate> make_certificate(const std::vector<std::string>& names) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const X509Ptr certificate(X509_new());
  const BioPtr chain(BIO_new(BIO_s_mem()));
  const BioPtr secret(BIO_new(BIO_s_mem()));
  if (!key || !certificate || !chain || !secret) return std::nullopt;
  if (!fill_in(*certificate, *key, names)) return std::nullopt;
  if (PEM_write_bio_X509(chain.get(), certificate.get()) != 1) return std::nullopt;
  if (PEM_write_bio_PKCS8PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                    nullptr) != 1)
    return std::nullopt;
  return Certificate{text_of(*chain), text_of(*secret), fingerprint_of(*certificate)};
}

// Whole or not at all: a crash must not leave half a key.
Result<void> keep(const std::filesystem::path& path, const std::string& text) {
  const std::filesystem::path part = path.string() + ".part";
  const int file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return refuse(path, "cannot be written");
  const ssize_t written = ::write(file, text.data(), text.size());
  const bool is_kept = written == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  ::close(file);
  std::error_code ec;
  if (is_kept) std::filesystem::rename(part, path, ec);
  if (!is_kept || ec) return refuse(path, "cannot be written");
  return {};
}

}  // namespace

Result<Certificate> read_certificate(const std::filesystem::path& chain,
                                     const std::filesystem::path& key) {
  auto chain_pem = read_text(chain);
  if (!chain_pem) return tl::unexpected(chain_pem.error());
  auto key_pem = read_text(key);
  if (!key_pem) return tl::unexpected(key_pem.error());
  const X509Ptr certificate = first_certificate(*chain_pem);
  if (!certificate) return refuse(chain, "holds no certificate in PEM");
  const KeyPtr secret = private_key(*key_pem);
  if (!secret) return refuse(key, "holds no private key in PEM without a password");
  if (X509_check_private_key(certificate.get(), secret.get()) != 1)
    return refuse(key, "is not the key of " + chain.string());
  if (days_left(*certificate) < 0) return refuse(chain, "has expired");
  return Certificate{std::move(*chain_pem), std::move(*key_pem), fingerprint_of(*certificate)};
}

Result<Certificate> own_certificate(const std::filesystem::path& folder,
                                    const std::vector<std::string>& names) {
  const std::filesystem::path chain = folder / "cert.pem";
  const std::filesystem::path key = folder / "key.pem";
  std::error_code ec;
  if (!folder.empty() && std::filesystem::exists(chain, ec)) {
    auto kept = read_certificate(chain, key);
    if (kept && days_left(*first_certificate(kept->chain_pem)) >= kDaysLeftMin) return kept;
  }
  auto made = make_certificate(names);
  if (!made) return fail(ErrorCode::io_error, "A certificate for TLS could not be made.");
  if (folder.empty()) return std::move(*made);
  std::filesystem::create_directories(folder, ec);
  if (ec) return refuse(folder, "cannot be made: " + ec.message());
  if (Result<void> done = keep(key, made->key_pem); !done) return tl::unexpected(done.error());
  if (Result<void> done = keep(chain, made->chain_pem); !done) return tl::unexpected(done.error());
  return std::move(*made);
}

}  // namespace hearth::server
