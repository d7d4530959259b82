import redis

from tests.support.redis import RedisServer


def test_the_redis_of_the_tests_survives_a_kill(redis_server: RedisServer):
    with redis.Redis.from_url(redis_server.url) as client:
        client.set("test:kept", "yes")
        client.config_set("appendfsync", "always")
        client.set("test:kept", "still")
    redis_server.kill()
    redis_server.start()
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.get("test:kept") == b"still"
        client.delete("test:kept")
