"""How the record looks as JSON. Serializers shape and check; services decide."""
