@main
struct Tocsin {
    static func main() {}
}
