// What it takes to put foreign text and binary data into HTML and SVG.
#pragma once

#include <string>
#include <string_view>

namespace mien {

/// Text as the content or the quoted attribute of an HTML or XML element. What may stand in neither (control
/// characters, bytes that are no UTF-8: file names may hold both) becomes U+FFFD.
std::string escape_html(std::string_view text);

/// Base64 with padding (RFC 4648, section 4).
std::string base64(std::string_view bytes);

/// `data:TYPE;base64,...`: a file inside a page, for example data_uri("image/png", png).
std::string data_uri(std::string_view media_type, std::string_view bytes);

}  // namespace mien
