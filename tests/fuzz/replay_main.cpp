// Runs a fuzz target over the files of its corpus, each once complete and once cut at every byte.
// Every build can do this part of fuzzing.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

namespace {

void run(std::string const& input, std::size_t begin, std::size_t size) {
    // A copy of exactly that size, so that AddressSanitizer detects a read past its end.
    std::vector<std::uint8_t> const bytes(input.begin() + static_cast<std::ptrdiff_t>(begin),
                                          input.begin() +
                                              static_cast<std::ptrdiff_t>(begin + size));
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

} // namespace

int main(int count, char** arguments) {
    std::size_t files = 0;
    for (int each = 1; each < count; ++each) {
        for (auto const& entry : std::filesystem::directory_iterator(arguments[each])) {
            std::ifstream file(entry.path(), std::ios::binary);
            std::string const input{std::istreambuf_iterator<char>(file), {}};
            for (std::size_t size = 0; size <= input.size(); ++size) {
                run(input, 0, size);
                run(input, size, input.size() - size);
            }
            ++files;
        }
    }
    std::printf("%zu files\n", files);
    return files == 0 ? 1 : 0;
}
