// MD5 against the sums that RFC 1321 prints, and against itself in pieces.
#include <catch2/catch.hpp>

#include "child_process.h"
#include "mien/io/md5.h"
#include "mien/kernels/error.h"

using namespace mien;

TEST_CASE("MD5 gives the sums of RFC 1321, section A.5") {
  CHECK(md5_of("") == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(md5_of("a") == "0cc175b9c0f1b6a831c399e269772661");
  CHECK(md5_of("abc") == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(md5_of("message digest") == "f96b697d7cb7938d525a2f31aaf161d0");
  CHECK(md5_of("abcdefghijklmnopqrstuvwxyz") == "c3fcd3d76192e4007dfb496cca67e13b");
  CHECK(md5_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == "d174ab98d277d9f5a5611c2c9f419d9f");
  CHECK(md5_of("12345678901234567890123456789012345678901234567890123456789012345678901234567890") ==
        "57edf4a22be3c955ac49da2e2107b67a");
}

TEST_CASE("MD5 of any length is the same whole, in pieces and from a file") {
  const testing::ScratchFolder place;
  for (const std::size_t length : {55, 56, 57, 63, 64, 65, 119, 120, 1000}) {
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += static_cast<char>(i * i * 31 + i);
    Md5 pieces;
    for (std::size_t begin = 0; begin < length; begin += 7) pieces.add(std::string_view(text).substr(begin, 7));
    INFO(length);
    CHECK(pieces.text() == md5_of(text));
    std::ofstream(place / "file", std::ios::binary) << text;
    CHECK(md5_of_file(place / "file") == md5_of(text));
  }
  CHECK_THROWS_AS(md5_of_file(place / "absent"), Error);
}
