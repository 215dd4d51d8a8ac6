import Testing

@testable import HTTPClient

@Suite("answers over new connections")
struct FirstAnswersTests {
    @Test("the first answer after a connection was opened in vain counts as one over a new connection")
    func opened() {
        var answers = FirstAnswers()
        do {
            let (fresh, used) = (
                answers.isReused("a", asCurlSays: false), answers.isReused("a", asCurlSays: true)
            )
            #expect(!fresh)
            #expect(used)
        }
        answers.opened("a")
        let (other, first, second) = (
            answers.isReused("b", asCurlSays: true), answers.isReused("a", asCurlSays: true),
            answers.isReused("a", asCurlSays: true)
        )
        #expect(other)
        #expect(!first)
        #expect(second)
    }
}
