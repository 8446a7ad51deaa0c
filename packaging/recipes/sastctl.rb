# Homebrew formula, for a tap. Put in the URL and the checksum of the release. Not tried, because no Mac was available.
class Sastctl < Formula
  desc "Build, sign and check CTL files for Cisco CUCM, with eTokens or an HSM"
  homepage "@homepage@"
  url "@url@"
  sha256 "@sha256@"
  license any_of: ["Apache-2.0", "MIT"]

  depends_on "pkgconf" => :build
  depends_on "rust" => :build
  depends_on "openssl@3"

  def install
    system "cargo", "install", *std_cargo_args
    system bin/"sastctl", "man", buildpath/"man"
    man1.install Dir["man/*.1"]
    man7.install Dir["man/*.7"]
    generate_completions_from_executable(bin/"sastctl", "completions")
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/sastctl --version")
  end
end
