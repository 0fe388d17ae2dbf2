#include "roost/dag/classad.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roost::dag {
namespace {

using testing::HasSubstr;

/// What an expression comes to without any ad, as ClassAd literal.
std::string Result(std::string_view text) {
  const auto expr = Expr::Parse(text);
  return expr ? expr->Evaluate(Ad()).Text() : "syntax: " + expr.error().message();
}

struct Case {
  const char* text;
  const char* expected;
};

TEST(ClassAdExpressions, ComputeWithTheOperatorsOfClassAds) {
  const Case cases[] = {
      {"1 + 2 * 3", "7"},
      {"(1 + 2) * 3", "9"},
      {"-7 / 2", "-3"},
      {"-7 % 4", "-3"},
      {"7.0 / 2", "3.5"},
      {"2K + 1", "2049"},
      {"1.5G", "1610612736.0"},
      {"1e3", "1000.0"},
      {"0 - 9223372036854775807 - 1", "-9223372036854775808"},
      {"(0 - 9223372036854775807 - 1) / -1", "-9223372036854775808"},
      {"(0 - 9223372036854775807 - 1) % -1", "0"},
      {"9223372036854775807 + 1", "-9223372036854775808"},
      {"99999999999999999999", "9223372036854775807"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"{substr(\"a\\ \", 0, 2), \"b\"}", "{ substr(\"a\\ \",0,2),\"b\" }"},
      {"1 / 0", "error"},
      {"1 % 0", "error"},
      {"1.0 / 0", "error"},
      {"1 << 4 | 3 ^ 1 & 5", "18"},
      {"-16 >> 2", "-4"},
      {"-1 >>> 60", "15"},
      {"1 << 64", "0"},
      {"1 << -1", "0"},
      {"~5", "-6"},
      {"- - 2", "2"},
      {"!true", "false"},
      {"!3", "false"},
      {"true + 1", "2"},
      {"1 < 2 == true", "true"},
      {"1 ? \"a\" : \"b\"", "\"a\""},
      {"0.0 ? 1 : 2", "2"},
      {"undefined ?: 5", "5"},
      {"4 ?: 5", "4"},
      {"false ? 1 : true ? 2 : 3", "2"},
      {"{1, 2, 3}[1]", "2"},
      {"{1}[1]", "error"},
      {"{1, \"a\", {true}}", "{ 1,\"a\",{ true } }"},
      {"\"a\" < \"B\"", "true"},
      {"\"ABC\" == \"abc\"", "true"},
      {"\"ABC\" =?= \"abc\"", "false"},
      {"\"a\" == 1", "error"},
      {"1 == 1.0", "true"},
      {"1 =?= 1.0", "false"},
      {"1 is 1", "true"},
      {"1 ISNT 2", "true"},
      {"3 // the rest does not count", "3"},
      {"1 /* nor this */ + 1", "2"},
      {"[a = 1; b = 2]", "error"},
      {"\"say \\\"x\\\" \\n\"", "\"say \\\"x\\\" \\n\""},
  };
  for (const Case& one : cases) EXPECT_EQ(one.expected, Result(one.text)) << one.text;
}

TEST(ClassAdExpressions, KnowThreeTruthValues) {
  const Case cases[] = {
      {"undefined && false", "false"},
      {"false && undefined", "false"},
      {"undefined || true", "true"},
      {"true || error", "true"},
      {"undefined && true", "undefined"},
      {"undefined || false", "undefined"},
      {"error && false", "error"},
      {"true && \"x\"", "error"},
      {"undefined == 1", "undefined"},
      {"undefined =?= undefined", "true"},
      {"undefined =!= 1", "true"},
      {"nobody > 3", "undefined"},
      {"nobody > 3 || 1 == 1", "true"},
      {"!undefined", "undefined"},
      {"undefined ? 1 : 2", "undefined"},
      {"2 && 3", "true"},
      {"ifThenElse(nobody =?= undefined, 1, 2)", "1"},
      {"ifThenElse(nobody, 1, 2)", "undefined"},
  };
  for (const Case& one : cases) EXPECT_EQ(one.expected, Result(one.text)) << one.text;
}

TEST(ClassAdExpressions, CallFunctions) {
  const Case cases[] = {
      {"isUndefined(x)", "true"},
      {"isError(1/0)", "true"},
      {"isString(\"\") && isInteger(1) && isReal(1.0) && isBoolean(true) && isList({})", "true"},
      {"int(\"12\") + int(3.9) + int(true)", "16"},
      {"int(\"x\")", "error"},
      {"int(1e30)", "error"},
      {"real(\"2.5\")", "2.5"},
      {"string(12)", "\"12\""},
      {"floor(-1.5)", "-2"},
      {"ceiling(1.2)", "2"},
      {"round(2.5)", "2"},
      {"abs(-3)", "3"},
      {"pow(2, 10)", "1024"},
      {"pow(2.0, 0.5) > 1.41", "true"},
      {"quantize(3, 8)", "8"},
      {"quantize(2500, {1024, 2048, 4096})", "4096"},
      {"quantize(5000, {1024, 2048, 4096})", "8192"},
      {"min({3, 1, 2}) + max(4, 5)", "6"},
      {"sum({1, 2.5})", "3.5"},
      {"avg({1, 2})", "1.5"},
      {"random(1)", "0"},
      {"strcat(\"a\", 1, 2.5, true)", "\"a12.5true\""},
      {"substr(\"abcdef\", 2)", "\"cdef\""},
      {"substr(\"abcdef\", -3, 2)", "\"de\""},
      {"substr(\"abcdef\", 1, -2)", "\"bcd\""},
      {"substr(\"abc\", -9223372036854775807, 9223372036854775807)", "\"abc\""},
      {"strcmp(\"a\", \"A\")", "1"},
      {"stricmp(\"a\", \"A\")", "0"},
      {"toUpper(\"aB\") + 0", "error"},
      {"toLower(toUpper(\"aB\"))", "\"ab\""},
      {"size({1, 2}) + size(\"abc\") + length(\"de\")", "7"},
      {"split(\"a, b c\")", "{ \"a\",\"b\",\"c\" }"},
      {"join(\"-\", split(\"a b\"))", "\"a-b\""},
      {"join(\"-\", 1, undefined, \"x\")", "\"1-x\""},
      {"regexp(\"^a.*z$\", \"abcz\")", "true"},
      {"regexp(\"ABC\", \"xabcx\")", "false"},
      {"regexp(\"ABC\", \"xabcx\", \"i\")", "true"},
      {"regexp(\"(\", \"x\")", "error"},
      {"regexps(\"(\\d+)-(\\w+)\", \"run 12-ab\", \"\\2:\\1\")", "\"ab:12\""},
      {"replace(\"b\", \"abab\", \"X\")", "\"aXab\""},
      {"replaceAll(\"b\", \"abab\", \"X\")", "\"aXaX\""},
      {"replaceAll(\"x*\", \"axb\", \"-\")", "\"-a--b-\""},
      {"regexpMember(\"^node\", {\"a\", \"node7\"})", "true"},
      {"stringListMember(\"b\", \"a, b, c\")", "true"},
      {"stringListMember(\"B\", \"a, b, c\")", "false"},
      {"stringListIMember(\"B\", \"a, b, c\")", "true"},
      {"stringListSize(\"a,b c\")", "3"},
      {"stringListSum(\"1,2\") + stringListMax(\"3,9,4\")", "12"},
      {"member(2, {1, 2})", "true"},
      {"identicalMember(\"A\", {\"a\"})", "false"},
      {"anyCompare(\">\", {1, 5}, 4)", "true"},
      {"allCompare(\">\", {1, 5}, 4)", "false"},
      {"interval(90061)", "\"1+01:01:01\""},
      {"interval(59)", "\"59\""},
      {"formatTime(0, \"%Y\") == \"1970\" || formatTime(0, \"%Y\") == \"1969\"", "true"},
      {"eval(\"1 + 1\")", "2"},
      {"versioncmp(\"10.0\", \"9.10\")", "1"},
      {"versionGE(\"23.9.6\", \"23.10\")", "false"},
      {"nosuch(1)", "error"},
      {"strcat()", "\"\""},
      {"substr(\"a\")", "error"},
  };
  for (const Case& one : cases) EXPECT_EQ(one.expected, Result(one.text)) << one.text;
}

TEST(ClassAdExpressions, TakeRegularExpressions) {
  const std::pair<std::string_view, std::string_view> matching[] = {
      {"a|bc|d", "xbcx"},
      {"^(?:a|b){2,3}$", "aba"},
      {"[^0-9]+", "a"},
      {"[[:upper:]]x", "Ax"},
      {"(a*)*b", "aab"},
      {"a+?b", "aab"},
      {"\\bword\\b", "a word."},
      {"(ab)\\1", "xabab"},
      {"x{0}y", "y"},
      {"a{2", "a{2"},
      {"\\.sub$", "x.sub"},
      {"(?i)ABC", "abc"},
      {"(|a)+", ""},
      {"[]a]", "]"},
      {"a\\.b", "a.b"},
  };
  for (const auto& [pattern, text] : matching) {
    EXPECT_EQ("true", Result("regexp(" + QuoteClassAd(pattern) + "," + QuoteClassAd(text) + ")")) << pattern;
  }
  const std::pair<std::string_view, std::string_view> different[] = {
      {"^(?:a|b){2,3}$", "abab"}, {"[^0-9]", "7"}, {"\\bword\\b", "swords"},
      {"(ab)\\1", "abba"},        {"a.b", "a\nb"},
  };
  for (const auto& [pattern, text] : different) {
    EXPECT_EQ("false", Result("regexp(" + QuoteClassAd(pattern) + "," + QuoteClassAd(text) + ")")) << pattern;
  }
}

TEST(ClassAdExpressions, SayWhereTheirSyntaxIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "ends too early"},       {"1 +", "ends too early"},    {"(1", "ends too early"},
      {"1 2", "unexpected '2'"},    {"a = 1", "write == or =?="}, {"\"open", "is not closed"},
      {"1)", "unexpected ')'"},     {"f(1,)", "unexpected ')'"},  {"{1", "ends too early"},
      {"a.", "ends too early"},     {"3x", "unexpected 'x'"},     {"1. + 2", "unexpected"},
      {"/* open", "is not closed"}, {"true false", "unexpected"}, {"? 1 : 2", "unexpected '?"},
  };
  for (const auto& [text, message] : cases) EXPECT_THAT(Result(text), HasSubstr(message)) << text;
}

TEST(Ads, ResolveAttributesInTheirOwnAdAndInTheOther) {
  Ad job;
  Ad machine;
  job.Set("RequestCpus", *Expr::Parse("2 * Factor"));
  job.Set("Factor", std::int64_t{3});
  job.Set("Memory", std::int64_t{1});
  machine.Set("Cpus", std::int64_t{8});
  machine.Set("Memory", std::int64_t{4096});
  machine.Set("Start", *Expr::Parse("TARGET.RequestCpus <= MY.Cpus"));
  const auto value = [&](const char* text) { return Expr::Parse(text)->Evaluate(job, &machine, 77).Text(); };
  EXPECT_EQ("6", value("requestcpus"));
  EXPECT_EQ("8", value("Cpus"));
  EXPECT_EQ("1", value("Memory"));
  EXPECT_EQ("4096", value("TARGET.Memory"));
  EXPECT_EQ("undefined", value("MY.Cpus"));
  EXPECT_EQ("true", value("Start"));
  EXPECT_EQ("77", value("time()"));
  EXPECT_EQ("77", value("CurrentTime"));
  EXPECT_EQ("\"2 * Factor\"", value("unparse(RequestCpus)"));
  EXPECT_TRUE(Expr::Parse("Cpus > 4")->Holds(job, &machine));
  EXPECT_FALSE(Expr::Parse("Missing > 4")->Holds(job, &machine));
  EXPECT_TRUE(Expr::Parse("Missing > 4")->Holds(job, &machine, 0, true));
}

TEST(Ads, KeepOneValueForANameInAnyCase) {
  Ad ad;
  ad.Set("Name", Value("a"));
  ad.Set("NAME", Value("b"));
  EXPECT_EQ(1U, ad.attributes().size());
  EXPECT_EQ(Value("b"), ad.Get("name"));
  ad.Erase("nAME");
  EXPECT_TRUE(ad.Get("name").undefined());
}

TEST(ClassAdExpressions, ThatDoNotEndAreFailures) {
  Ad ad;
  ad.Set("Self", *Expr::Parse("Self + 1"));
  EXPECT_TRUE(ad.Get("Self").failed());
  ad.Set("D0", Value("xxxxxxxxxxxxxxxx"));
  ad.Set("N0", std::int64_t{1});
  for (int i = 1; i < 60; ++i) {
    const std::string before = std::to_string(i - 1);
    ad.Set("D" + std::to_string(i), *Expr::Parse("strcat(D" + before + ", D" + before + ")"));
    ad.Set("N" + std::to_string(i), *Expr::Parse("N" + before + " + N" + before));
  }
  EXPECT_TRUE(ad.Get("D59").failed());
  EXPECT_TRUE(ad.Get("N59").failed());
  EXPECT_EQ("error", Result("regexp(\"(a*)*(a*)*c\", \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\")"));
  EXPECT_EQ("error", Result("regexp(\"((((a{1000}){1000}){1000}){1000})\", \"a\")"));
}

TEST(ClassAdExpressions, OfAnyDepthAreReadOrRefused) {
  const std::string many(100'000, '(');
  EXPECT_THAT(Result(many), HasSubstr("syntax"));
  EXPECT_THAT(Result(many.substr(0, 60'000)), HasSubstr("nested too deeply"));
  EXPECT_THAT(Result(std::string(60'000, '!') + "1"), HasSubstr("nested too deeply"));
  EXPECT_THAT(Result(std::string(60'000, '{')), HasSubstr("nested too deeply"));
  std::string chain = "0";
  for (int i = 0; i < 900; ++i) chain += "+1";
  EXPECT_EQ("900", Result(chain));
  for (int i = 0; i < 200; ++i) chain += "+1";
  EXPECT_THAT(Result(chain), HasSubstr("too many parts"));
}

TEST(ClassAdExpressions, OfAnyTextAreReadOrRefused) {
  constexpr unsigned kSeed = 20261121;
  std::mt19937 random(kSeed);
  const std::string_view pieces[] = {"1",         "\"a\"",      "(",
                                     ")",         "{",          "}",
                                     "[",         "]",          "a",
                                     "MY.",       "TARGET.",    ".",
                                     "+",         "-",          "*",
                                     "/",         "%",          "!",
                                     "~",         "==",         "=?=",
                                     "<",         ">>",         ">>>",
                                     "<<",        "&&",         "||",
                                     "&",         "^",          "?",
                                     ":",         "?:",         ",",
                                     "regexp(",   "\"(a|b)*\"", "substr(",
                                     "pow(",      "int(",       "99999999999999999999",
                                     "1e308",     "-1",         "9223372036854775807",
                                     "undefined", "error",      "ifThenElse(",
                                     "eval(",     "split(",     "join(",
                                     "quantize(", "\\",         "'",
                                     "\"",        "\xFF",       "interval(",
                                     "is",        "isnt"};
  Ad ad;
  ad.Set("a", *Expr::Parse("{a, 1, \"x\"}"));
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (unsigned length = random() % 12; length > 0; --length) text += pieces[random() % std::size(pieces)];
    const auto expr = Expr::Parse(text);
    if (!expr) continue;
    EXPECT_EQ(text, expr->text()) << "seed " << kSeed;
    const Value value = expr->Evaluate(ad, &ad, 1'000'000'000);
    if (value.failed()) continue;
    EXPECT_EQ(value.Text(), Result(value.Text())) << text;
  }
}

}  // namespace
}  // namespace roost::dag
